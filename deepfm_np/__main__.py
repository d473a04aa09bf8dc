"""The command line: python -m deepfm_np train | compare | gradcheck | predict | data | encode | exercise."""

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Before NumPy is loaded: the threads of BLAS would change the last bits with their number, and on a busy machine they
# wait for each other. Training and prediction use the cores in their own way, see `system.parts`.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. 0: done. 1: a gradient check failed. 2: bad arguments or data."""
    name = "deepfm_np"
    try:
        from deepfm_np.cli.parser import build_parser  # takes a second, in which an interrupt is one line too

        options = build_parser().parse_args(arguments)
        name = f"deepfm_np {options.name}"
        with _warnings_in_one_line(name):
            return options.command(options)
    except (ValueError, TypeError, IndexError, OSError, FloatingPointError, ImportError) as error:
        print(f"{name}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"{name}: error: not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130


@contextmanager
def _warnings_in_one_line(name: str) -> Iterator[None]:
    """Each UserWarning on standard error, without the line of code that issued it."""
    show = warnings.showwarning

    def say(message, category, *where):
        if issubclass(category, UserWarning):
            print(f"{name}: warning: {message}", file=sys.stderr, flush=True)
        else:
            show(message, category, *where)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = say
        yield


if __name__ == "__main__":
    sys.exit(main())
