"""The command line: python -m deepfm_np train | compare | gradcheck | predict | encode | exercise."""

import os
import sys
from collections.abc import Sequence

# Before NumPy is loaded: with one thread the bits do not depend on the number of cores, and on a busy machine threads
# that wait for each other are many times slower. Set the variable yourself for large nets on a quiet machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from deepfm_np.cli.parser import build_parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. 0: done. 1: a gradient check failed. 2: bad arguments or data."""
    options = build_parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, TypeError, IndexError, OSError, FloatingPointError, ImportError) as error:
        print(f"deepfm_np {options.name}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"deepfm_np {options.name}: error: not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"deepfm_np {options.name}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
