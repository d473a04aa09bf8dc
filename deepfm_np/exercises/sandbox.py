"""Where a student's code runs: nothing to see but Python and this package, nothing to write but a small scratch folder.

bubblewrap (Linux) gives the process a file system, a network, a process table and a user namespace of its own, a filter
of system calls keeps it from starting others, and all of it ends with its parent. The limits on memory, time, file size
and open files are set by the process itself, before it sees the student's code, and hold without bubblewrap as well.
"""

import os
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
SCRATCH, SCRATCH_BYTES = "/scratch", 64 * 2**20
FILE_BYTES = 16 * 2**20
UNPROTECTED = "answers run unprotected, with your rights: {why}; see docs/lecturer.md"
SYSTEM = ["/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"]
PARTS = ["bin", "lib", "lib32", "lib64", "pyvenv.cfg"]  # of a prefix; what else lies there is no business of a student

EPERM, ENOSYS = 1, 38
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, IF_EQUAL, IF_AT_LEAST, IF_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
CLONE_THREAD = 0x00010000
# Of each architecture: its number, clone, clone3, and what is refused: fork and vfork, ptrace, reading other processes'
# memory, namespaces and mounts, kernel keys, bpf, perf, io_uring, userfaultfd, and memory that no limit counts.
CALLS = {
    "x86_64": (
        0xC000003E,
        56,
        435,
        (57, 58, 101, 310, 311, 272, 308, 165, 166, 155, 248, 249, 250, 321, 298, 425, 323, 319, 29, 64, 68),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        435,
        (117, 270, 271, 97, 268, 40, 39, 41, 217, 218, 219, 280, 241, 425, 282, 279, 194, 190, 186),
    ),
}


def start(module: str, folder: str, protected: bool) -> subprocess.Popen:
    """Start a module of this package, with pipes to its standard input and output.

    folder: where it works if it is not protected, and so has no scratch folder of its own.
    """
    command = [sys.executable, "-m", module]
    if not protected:
        return _piped(command, folder, folder)
    read, write = os.pipe()
    try:
        os.write(write, system_calls())
        os.close(write)
        seccomp = ["--seccomp", str(read)] if system_calls() else []
        return _piped([*inside(), *seccomp, "--", *command], folder, SCRATCH, (read,))
    finally:
        os.close(read)


def inside() -> list[str]:
    """The bubblewrap command in front of the one that is to run inside."""
    command = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH_BYTES), "--tmpfs", SCRATCH]
    command += ["--dir", f"{SCRATCH}/work", "--chdir", f"{SCRATCH}/work"]
    for path in visible():
        command += ["--ro-bind", path, path]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/"]


def visible() -> list[str]:
    """What can be read from inside: the system's libraries, this Python with its packages, and this package."""
    links = {str(path.parents[1]) for path in _links(Path(sys.executable))}
    prefixes = {"/usr", "/usr/local", sys.prefix, sys.base_prefix, *links}
    paths = {
        *SYSTEM,
        *(os.path.join(prefix, part) for prefix in prefixes for part in PARTS),
        *_packages(),
        str(PACKAGE),
    }
    paths |= {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    kept: list[str] = []
    for path in sorted(filter(os.path.exists, paths), key=len):
        if not any(Path(path).is_relative_to(other) for other in kept):
            kept.append(path)
    return kept


def why_unprotected() -> str:
    """Why student code cannot be shut in here, or nothing where it can."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap is for Linux alone"
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    return "" if _works() else "bubblewrap (bwrap) may not make namespaces here"


def system_calls() -> bytes:
    """The filter of system calls for bubblewrap: no new process. Nothing for a machine that is not in the list."""
    if platform.machine() not in CALLS:
        return b""
    machine, clone, clone3, refused = CALLS[platform.machine()]
    steps = [(LOAD, 0, 0, 4), (IF_EQUAL, 1, 0, machine), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(IF_AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]  # another numbering, of x32
    for call in refused:
        steps += [(IF_EQUAL, 0, 1, call), (RETURN, 0, 0, REFUSE | EPERM)]
    steps += [(IF_EQUAL, 0, 1, clone3), (RETURN, 0, 0, REFUSE | ENOSYS)]  # its flags are out of sight: clone instead
    steps += [(IF_EQUAL, 0, 3, clone), (LOAD, 0, 0, 16), (IF_BIT, 1, 0, CLONE_THREAD), (RETURN, 0, 0, REFUSE | EPERM)]
    steps += [(RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def limit(memory: int, seconds: int) -> None:
    """Set the limits of this process, for good: bytes of memory, seconds of processor time, files, no core."""
    limit_memory(memory)
    for name, most in {"CPU": seconds, "FSIZE": FILE_BYTES, "NOFILE": 256, "NPROC": 64, "CORE": 0}.items():
        _limit(name, most)


def limit_memory(memory: int) -> None:
    _limit("AS", memory)


def _limit(name: str, most: int) -> None:
    try:
        import resource

        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    except (ImportError, AttributeError, ValueError, OSError):
        return  # a system without this limit


def _piped(command: list[str], folder: str, home: str, files: tuple[int, ...] = ()) -> subprocess.Popen:
    """A process that inherits these files alone, and nothing of the environment but where programs lie."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *_packages()]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    environment |= {"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home, "MPLBACKEND": "agg"}
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=nowhere, cwd=folder, env=environment, pass_fds=files
    )


@cache
def _works() -> bool:
    try:
        done = subprocess.run([*inside(), "--", sys.executable, "-c", "import numpy"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _links(path: Path) -> list[Path]:
    """The path, and what it links to, one link after the other."""
    links = [path]
    while path.is_symlink() and len(links) < 20:
        path = Path(os.path.normpath(path.parent / os.readlink(path)))
        links.append(path)
    return links


def _packages() -> list[str]:
    """Where NumPy and pandas lie, which need not be below a prefix."""
    import importlib.util

    found = [importlib.util.find_spec(name) for name in ("numpy", "pandas")]
    return [str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin]
