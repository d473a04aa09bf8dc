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
IN_BROWSER = sys.platform == "emscripten"  # where no process can be started
UNOFFICIAL = (
    "no official grade: in a browser your code and the hidden tests run together, without limits\n"
    "read from the file as you last saved it (Ctrl+S)"
)
UNPROTECTED = "answers run unprotected, with your rights: {why}; see docs/lecturer.md"
SYSTEM = ["/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"]
PARTS = ["bin", "lib", "lib32", "lib64", "pyvenv.cfg"]  # of a prefix; what else lies there is no business of a student

EPERM, ENOSYS = 1, 38
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
LOAD, IF_EQUAL, IF_AT_LEAST, IF_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
CLONE_THREAD = 0x00010000
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # the name of each, and its column below
CLONE, CLONE3 = (56, 220), (435, 435)
REFUSED: dict[str, list[tuple[int | None, int | None]]] = {
    # fork, vfork
    "new processes": [(57, None), (58, None)],
    # ptrace, process_vm_readv, process_vm_writev
    "other processes": [(101, 117), (310, 270), (311, 271)],
    # unshare, setns, mount, umount2, pivot_root
    "other namespaces": [(272, 97), (308, 268), (165, 40), (166, 39), (155, 41)],
    # bpf, perf_event_open, io_uring_setup, userfaultfd
    "much of the kernel": [(321, 280), (298, 241), (425, 425), (323, 282)],
    # add_key, request_key, keyctl
    "keys of the kernel": [(248, 217), (249, 218), (250, 219)],
    # memfd_create, shmget, semget, msgget
    "memory that no limit counts": [(319, 279), (29, 194), (64, 190), (68, 186)],
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
    for path in ("/proc", "/dev", "/"):  # root could set the kernel's own settings by /proc
        command += ["--remount-ro", path]
    return command


def visible() -> list[str]:
    """What can be read from inside: the system's libraries, this Python with its packages, and this package."""
    links = {str(path.parents[1]) for path in _links(Path(sys.executable))}
    prefixes = {"/usr", "/usr/local", sys.prefix, sys.base_prefix, *links}
    paths = {os.path.join(prefix, part) for prefix in prefixes for part in PARTS}
    paths |= {*SYSTEM, *_packages(), str(PACKAGE)}
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
    if platform.machine() not in MACHINES:
        return b""
    machine, column = MACHINES[platform.machine()]
    steps = [(LOAD, 0, 0, 4), (IF_EQUAL, 1, 0, machine), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(IF_AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, KILL)]  # the numbers of x32
    for call in (numbers[column] for some in REFUSED.values() for numbers in some):
        if call is not None:
            steps += [(IF_EQUAL, 0, 1, call), (RETURN, 0, 0, REFUSE | EPERM)]
    steps += [(IF_EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, REFUSE | ENOSYS)]  # its flags are not to be seen: clone
    steps += [(IF_EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, 16), (IF_BIT, 1, 0, CLONE_THREAD)]
    steps += [(RETURN, 0, 0, REFUSE | EPERM), (RETURN, 0, 0, ALLOW)]
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
