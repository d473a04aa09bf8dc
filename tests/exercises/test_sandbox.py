"""What a student's process can see, and what it cannot do."""

import subprocess
import sys
from pathlib import Path

import pytest

from deepfm_np.exercises import sandbox
from deepfm_np.exercises.assignments import FOLDER
from deepfm_np.exercises.wire import Peer

pytestmark = pytest.mark.skipif(bool(sandbox.why_unprotected()), reason=sandbox.why_unprotected())


def inside(code, *arguments):
    """What Python prints that runs the code inside."""
    command = [*sandbox.inside(), "--", sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_of_the_project_only_the_package_is_to_be_seen(tmp_path):
    look = "import sys; from pathlib import Path; print(*(Path(name).exists() for name in sys.argv[1:]))"
    project = sandbox.PACKAGE.parent
    seen = inside(
        look, sandbox.PACKAGE, FOLDER, project / "tests", project / "README.md", tmp_path, Path.home() / ".ssh"
    )
    assert seen == ["True", *["False"] * 5]


def test_only_the_scratch_folder_can_be_written_to():
    write = """
import sys
for name in sys.argv[1:]:
    try:
        open(name + "/new", "w").close()
        print(True)
    except OSError:
        print(False)
"""
    places = [
        "/",
        "/dev",
        "/dev/shm",
        "/proc/sys/vm",
        "/usr/lib",
        sys.prefix + "/lib",
        sandbox.PACKAGE,
        "/scratch",
        ".",
    ]
    assert inside(write, *places) == [*["False"] * 7, "True", "True"]


def test_the_kernel_s_settings_stay_as_they_are():
    write = """
import sys
for name in sys.argv[1:]:
    try:
        text = open(name).read()
        open(name, "w").write(text)
        print(True)
    except OSError:
        print(False)
"""
    assert (
        inside(write, "/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness", "/proc/self/oom_score_adj")
        == ["False"] * 3
    )


def test_there_is_no_other_process_and_no_network():
    assert inside("import os; print(*sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))") == [
        "1",
        "2",
    ]
    assert inside("import socket; print(*(name for _, name in socket.if_nameindex()))") == ["lo"]


def test_a_thread_can_be_started_and_a_process_cannot():
    process = sandbox.start("deepfm_np.exercises.player", ".", protected=True)
    code = """
import os, threading
threading.Thread(target=list).start()
try:
    os.fork()
except PermissionError:
    raise SystemExit("no")
"""
    peer = Peer(process.stdout, process.stdin)
    with process.stdout, process.stdin:
        assert peer.ask({"do": "run", "code": code, "cell": "cell"}) == "an earlier cell failed: SystemExit: no"
    process.wait()
