"""Keep freed memory within the process, so that a training step does not request it from the system again.

The model does so itself, in the whole process, when it first computes a gradient or a prediction.

A step frees some 60 MB of activations, and the next one needs as much. By default the C library of Linux (glibc)
returns such blocks to the system at once; the page faults when they are written again take a quarter of a step.
"""

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # as in glibc's malloc.h
KEPT = 1 << 30
LARGEST_KEPT = 1 << 25  # glibc allows no more


@cache
def keep_freed_memory() -> bool:
    """Let malloc keep 1 GiB of freed blocks of up to 32 MiB, in the whole process. True on success: only glibc can."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT) and mallopt(M_TRIM_THRESHOLD, KEPT))
