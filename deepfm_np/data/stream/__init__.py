"""Click logs too large for memory: read piece by piece, encoded into a folder of memory-mapped arrays."""
