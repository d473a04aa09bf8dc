"""Click logs too large for memory: read in pieces, encoded into a folder of memory-mapped arrays."""
