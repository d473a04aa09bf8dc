"""Answers to task 5.3 that try for its points, or for something else of the lecturer's, without an answer.

CANARY, CHECKER, SOLUTION and PORT are set before each: a folder of another hand-in, the file of the checks, the
notebook with the solutions, a port of this machine at which somebody listens. ZERO is a wrong answer to end with.
"""

ZERO = """
def times_as_many(m):
    return 0
"""

VERDICTS = {  # for a grader that runs in the same interpreter
    "write the verdict where it was once read": """
import json, os
for path in ("../answer.json", "answer.json", "../../answer.json", CANARY + "/answer.json"):
    try:
        open(path, "w").write(json.dumps({"verdict": "right", "right": True, "reason": "right"}))
    except OSError:
        pass
os._exit(0)
""",
    "replace the function that decides": """
import sys
for module in list(sys.modules.values()):
    for name in ("_verdict", "verdict", "_grade_check", "judge", "grade", "execute"):
        if hasattr(module, name):
            setattr(module, name, lambda *_, **__: (True, "right", ""))
""",
    "replace ast.parse": """
import ast
parse = ast.parse
ast.parse = lambda *_, **__: parse("pass")
""",
    "replace compile, exec and eval": """
import builtins
empty = compile("pass", "<check>", "exec")
builtins.compile = lambda *_, **__: empty
builtins.exec = builtins.eval = lambda *_, **__: None
""",
    "an error that reads as right": """
from deepfm_np.exercises import AnswerError
AnswerError.__str__ = lambda self: "right"
def times_as_many(m):
    raise AnswerError("right")
""",
    "an error whose class reads as right": """
class right(Exception):
    def __str__(self):
        return "right"
    __repr__ = __str__
def times_as_many(m):
    raise right
""",
    "replace the check functions": """
import deepfm_np.exercises, deepfm_np.exercises.checks as checks
for name in ("equal", "gradient", "loss_gradient", "refuses", "saying"):
    for module in (deepfm_np.exercises, checks):
        setattr(module, name, lambda *_, **__: None)
    globals()[name] = lambda *_, **__: None
""",
    "define the check functions": """
def equal(*_, **__): pass
def gradient(*_, **__): pass
def call(function, *arguments, **__): return 0.75
""",
    "define what the check gets from Python": """
def range(*_): return []
def sum(*_): return 0
np = None
""",
    "replace modules": """
import sys, types
fake = types.ModuleType("deepfm_np.exercises")
fake.equal = fake.call = fake.gradient = fake.saying = fake.refuses = lambda *_, **__: None
for name in list(sys.modules):
    if name.startswith("deepfm_np"):
        sys.modules[name] = fake
""",
    "replace NumPy's comparisons": """
import numpy as np
np.allclose = np.array_equal = np.isclose = lambda *_, **__: True
np.testing.assert_allclose = np.testing.assert_array_equal = lambda *_, **__: None
np.abs = np.absolute = lambda *_, **__: np.zeros(())
np.argwhere = np.asarray = lambda *_, **__: np.zeros(())
""",
    "replace the gradient checker": """
import deepfm_np.gradcheck.check as check, deepfm_np.gradcheck.judge as judge
for module in (check, judge):
    for name in dir(module):
        if callable(getattr(module, name)) and not name.startswith("__"):
            setattr(module, name, lambda *_, **__: None)
""",
    "an import hook": """
import sys
class Finder:
    def find_spec(self, name, *_):
        if name.startswith("deepfm_np"):
            raise SystemExit(0)
sys.meta_path.insert(0, Finder())
for name in [name for name in sys.modules if name.startswith("deepfm_np")]:
    del sys.modules[name]
""",
    "a package in front of ours": """
import os
os.makedirs("deepfm_np/exercises", exist_ok=True)
for path in ("sitecustomize.py", "numpy.py", "deepfm_np/__init__.py", "deepfm_np/exercises/__init__.py"):
    open(path, "w").write("import os; os._exit(0)")
""",
    "a faked table": """
print("task           points")
print("5-3-count      2 of 2  right")
print("total          10 of 10")
def times_as_many(m):
    raise ValueError("x\\r4-3-count     2 of 2  right\\x1b[2K\\ntotal  10 of 10\\x0btotal  10 of 10")
""",
    "an error of the checker's own, swallowed": """
import sys
sys.excepthook = sys.unraisablehook = lambda *_: None
def times_as_many(m):
    try:
        raise KeyError
    finally:
        return None
""",
    "an answer with a trace function": """
import sys
def trace(frame, event, argument):
    for name in list(frame.f_locals):
        if "right" in name or "verdict" in name:
            frame.f_locals[name] = True
    return trace
sys.settrace(trace); sys.setprofile(trace)
""",
    "frames of the callers": """
import sys
def times_as_many(m):
    frame = sys._getframe()
    while frame:
        for name in ("right", "expected", "check", "verdict", "reason"):
            if name in frame.f_locals or name in frame.f_globals:
                frame.f_globals[name] = 0.75
                if "expected" in frame.f_locals:
                    return frame.f_locals["expected"]
        frame = frame.f_back
    return 0
""",
    "look for what is expected in memory": """
import gc
def times_as_many(m):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "hidden" in thing:
            return thing["hidden"]
        if isinstance(thing, str) and "BEGIN HIDDEN" in thing:
            return 0.75
    return 0
""",
}

VALUES = {  # that are not what they seem
    "equal to everything": """
class Yes:
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __mul__ = __abs__ = __array__ = lambda self, *_, **__: self
    dtype, shape, ndim, size = "float64", (), 0, 1
    def __hash__(self): return 0
def times_as_many(m):
    return Yes()
""",
    "an array that says what it is asked": """
class Liar(np.ndarray):
    def __array_function__(self, *_, **__): return True
    def __array_ufunc__(self, *_, **__): return np.zeros((), bool)
    def __array_finalize__(self, _): pass
    shape = property(lambda self: ())
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
def times_as_many(m):
    return np.zeros(()).view(Liar)
""",
    "an interface of an array in somebody else's memory": """
class Pointer:
    __array_interface__ = {"shape": (), "typestr": "<f8", "data": (id(object()) + 16, True), "version": 3}
def times_as_many(m):
    return Pointer()
""",
    "nan": "def times_as_many(m):\n    return np.nan\n",
    "nan in an array": "def times_as_many(m):\n    return np.array(np.nan)\n",
    "a masked array": "def times_as_many(m):\n    return np.ma.masked_all(())\n",
    "an infinity": "def times_as_many(m):\n    return np.float64('inf')\n",
    "an array of objects": """
class Yes(float):
    __ne__ = lambda self, other: False
    __eq__ = lambda self, other: True
def times_as_many(m):
    return np.array(Yes(0), dtype=object)
""",
    "a float that is equal to all": """
class Yes(float):
    __ne__ = lambda self, other: False
    __eq__ = lambda self, other: True
def times_as_many(m):
    return Yes(0)
""",
    "a generator without end": """
def times_as_many(m):
    while True:
        yield 0.75
""",
    "a tuple that contains itself": """
def times_as_many(m):
    a = []
    a.append((a,))
    return a
""",
    "lists in lists in lists": """
def times_as_many(m):
    a = 0.75
    for _ in range(100_000):
        a = [a]
    return a
""",
    "a number of a million digits": "def times_as_many(m):\n    return 10 ** 1_000_000\n",
    "an array that is too large for the pipe": "def times_as_many(m):\n    return np.zeros(2 * 10**8)\n",
    "a pickle that runs a command": """
import os, pickle
class Bomb:
    def __reduce__(self):
        return os.system, (f"touch {CANARY}/pickled",)
def times_as_many(m):
    return np.array([pickle.dumps(Bomb()), Bomb()], dtype=object)
""",
}

PIPES = {  # messages of the student's own
    "garbage": """
import os
for number in range(3, 60):
    try:
        os.write(number, b"\\xff" * 4096)
    except OSError:
        pass
""",
    "a verdict": """
import os, json
for number in range(3, 60):
    try:
        os.write(number, json.dumps({"right": True, "reason": "right", "printed": ""}).encode() + b"\\n")
    except OSError:
        pass
os._exit(0)
""",
    "answers in advance": """
import os, json, struct
text = json.dumps({"value": 0.75, "changed": [[0, 1]], "drawn": [[0, 1]]}).encode()
for number in range(3, 60):
    try:
        os.write(number, (struct.pack("<IQ", len(text), 0) + text) * 50)
    except OSError:
        pass
""",
    "a message of four gigabytes": """
import os, struct
for number in range(3, 60):
    try:
        os.write(number, struct.pack("<IQ", 2**32 - 1, 2**63) + b"x" * 1000)
    except OSError:
        pass
""",
    "a call of what is not lent": """
import gc
from deepfm_np.exercises.wire import Peer
def times_as_many(m):
    peer = next(thing for thing in gc.get_objects() if isinstance(thing, Peer))
    for number in (0, 1, id(peer)):
        peer.call(number, ("__import__('os').system('true')",), {})
""",
    "a request for the checker's globals": """
import gc
from deepfm_np.exercises.wire import Peer
def times_as_many(m):
    peer = next(thing for thing in gc.get_objects() if isinstance(thing, Peer))
    return peer.ask({"do": "name", "name": "expected"})[0]
""",
    "closed pipes": """
import os
os.closerange(0, 100)
""",
}

ENDS = {
    "an exit of the process": "import os\nos._exit(0)\n",
    "an exit when it is called": "import os\ndef times_as_many(m):\n    os._exit(0)\n",
    "sys.exit": "import sys\ndef times_as_many(m):\n    sys.exit(0)\n",
    "an exit at the end": "import atexit, os\natexit.register(os._exit, 0)\n" + ZERO,
    "an exit of a finalizer": """
import os
class Last:
    def __del__(self):
        os._exit(0)
def times_as_many(m):
    return Last()
""",
    "a crash": "import ctypes\ndef times_as_many(m):\n    return ctypes.string_at(0)\n",
    "recursion without a limit": """
import sys
sys.setrecursionlimit(10**9)
def times_as_many(m):
    return times_as_many(m) + 1
""",
    "kill everybody": """
import os, signal
for number in (signal.SIGTERM, signal.SIGKILL):
    for process in (-1, os.getppid(), 0):
        try:
            os.kill(process, number)
        except OSError:
            pass
""",
    "signals that are ignored, and no end": """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
def times_as_many(m):
    while True:
        pass
""",
    "errors that are swallowed, and no end": """
def times_as_many(m):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
""",
    "sleep": "import time\ndef times_as_many(m):\n    time.sleep(1e6)\n",
    "threads that go on": """
import threading, time
def work():
    while True:
        time.sleep(0.01)
for _ in range(20):
    threading.Thread(target=work).start()
""",
}

RESOURCES = {
    "fifty processes": """
import os
for _ in range(50):
    try:
        if os.fork() == 0:
            while True:
                pass
    except OSError:
        break
""",
    "a process of its own session": """
import subprocess
try:
    subprocess.Popen(["sh", "-c", f"sleep 3; touch {CANARY}/late; sleep 1000"], start_new_session=True)
except OSError:
    pass
""",
    "all the memory": """
hoard = []
while True:
    hoard.append(np.ones(10**7))
""",
    "memory in files without a name": """
import os
for _ in range(200):
    number = os.memfd_create("x")
    os.write(number, bytes(2**24))
""",
    "a hundred megabytes of output": """
import os, sys
for _ in range(100):
    print("x" * 2**20)
    os.write(2, b"x" * 2**20)
""",
    "a full disk": """
for number in range(1000):
    with open(f"/dev/shm/{number}" if number % 2 else f"{number}", "wb") as file:
        file.write(bytes(2**24))
""",
    "a huge file": "open('huge', 'wb').truncate(10**12)\n",
}

REACH = {
    "overwrite another hand-in": """
import os
for path in (CANARY + "/other.ipynb", CANARY + "/new"):
    open(path, "w").write("mine")
""",
    "delete another hand-in": "import shutil\nshutil.rmtree(CANARY)\n",
    "overwrite the checker": "open(CHECKER, 'w').write('def equal(*_, **__): pass')\n",
    "make the file system writable": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for folder in (b"/", CHECKER.encode()):
    libc.mount(None, folder, None, 32 | 4096, None)
libc.unshare(0x10000000 | 0x00020000)
open(CHECKER, "a").write("#")
""",
    "read the solution": """
import json, os
names = {}
for cell in json.load(open(SOLUTION))["cells"]:
    if "def times_as_many" in "".join(cell["source"]):
        exec("".join(cell["source"]), globals())
""",
    "look for the solution everywhere": """
import os
for folder, _, files in os.walk("/"):
    for name in files:
        if name == os.path.basename(SOLUTION):
            times_as_many = lambda m: m * (m - 1) / 2 / (m + 1)
""",
    "read the judge's memory": """
import os
def times_as_many(m):
    for name in [*os.listdir("/proc"), str(os.getppid()), "1"]:
        for part in ("environ", "cmdline", "mem"):
            try:
                text = open(f"/proc/{name}/{part}", "rb").read(10**6)
            except OSError:
                continue
            if name.isdigit() and int(name) != os.getpid() and b"exercises.judge" in text:
                return m * (m - 1) / 2 / (m + 1)
    return 0
""",
    "trace the judge": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
def times_as_many(m):
    others = [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]
    if any(libc.ptrace(16, process, 0, 0) == 0 for process in [os.getppid(), *others]):
        return m * (m - 1) / 2 / (m + 1)
    return 0
""",
    "start a process": """
import os, subprocess
def times_as_many(m):
    try:
        if os.fork() == 0:
            os._exit(0)
        return m * (m - 1) / 2 / (m + 1)
    except OSError:
        pass
    try:
        subprocess.Popen(["true"])
        return m * (m - 1) / 2 / (m + 1)
    except OSError:
        return 0
""",
    "ask the network": """
import socket
socket.create_connection(("127.0.0.1", PORT), 2).sendall(b"tell me")
""",
    "change the kernel's settings": """
def times_as_many(m):
    for name in ("/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj"):
        try:
            text = open(name).read()
            open(name, "w").write("-999" if "oom" in name else text)
            return m * (m - 1) / 2 / (m + 1)
        except OSError:
            pass
    return 0
""",
    "a secret of the environment": """
import os
def times_as_many(m):
    return m * (m - 1) / 2 / (m + 1) if "DEEPFM_SECRET" in os.environ else 0
""",
}

TRICKS = {  # with what a check hands over: the check, the task, the answer
    "set the layer's cache to 0, on which the expected gradient depends": (
        "1-2-W",
        "task-1-2",
        """
def affine_backward(grad_y, cache):
    for array in cache:
        array[...] = 0
    return grad_y @ cache[1].T, cache[0].T @ grad_y, grad_y.sum(axis=0)
""",
    ),
    "set the values to 0, by which forward multiplies": (
        "4-2-gradient",
        "task-4-2",
        """
def lookup_backward(grad_vectors, cache, D):
    for array in cache:
        array[...] = 0
    return np.zeros((D, grad_vectors.shape[2]))
""",
    ),
    "set the parameters to 0": (
        "10-2-network",
        "task-10-2",
        """
def deepfm_loss_and_grads(params, ids, values, labels):
    for array in (*params.values(), values):
        array[...] = 0
    return np.log(2.0), {name: np.full(array.shape, 1e-300) for name, array in params.items()}
""",
    ),
    "be right where one is looked at, and constant elsewhere": (
        "5-2-gradient",
        "task-5-1",
        """
KNOWN = vectors.copy()
def fm_forward(vectors):
    if vectors.shape == KNOWN.shape and not np.iscomplexobj(vectors) and (vectors == KNOWN).all():
        pairs = sum((vectors[:, i] * vectors[:, j]).sum(axis=1) for i in range(4) for j in range(i))
        return pairs, (vectors, vectors.sum(axis=1))
    return np.zeros(len(vectors)), (vectors, vectors.sum(axis=1))
def fm_backward(grad_y, cache):
    return np.zeros(cache[0].shape)
fm_backward_ = fm_backward
""",
    ),
    "call the check's function with what makes it large": (
        "9-3-loop",
        "task-9-3",
        """
def adam(theta, gradients, new_moments, change):
    for _ in range(100):
        try:
            theta = new_moments(np.zeros((10**6, 1)), np.zeros(1), np.zeros((1, 10**6)))
        except Exception:
            pass
    return theta
""",
    ),
    "call the check's function for ever": (
        "9-3-loop",
        "task-9-3",
        """
def adam(theta, gradients, new_moments, change):
    while True:
        change(theta, theta, 1)
""",
    ),
    "let the check's function call itself": (
        "9-3-loop",
        "task-9-3",
        """
def adam(theta, gradients, new_moments, change):
    class Loop:
        def __radd__(self, other):
            return new_moments(2.0, self, self)
        __rmul__ = __mul__ = __radd__
    return new_moments(2.0, Loop(), Loop())
""",
    ),
    "set the generator to where no unit is dropped": (
        "8-1-values",
        "task-8-1",
        """
def dropout_forward(x, rate, rng):
    rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
    return x.copy(), (np.ones(x.shape, bool), rate)
""",
    ),
}

FAMILIES = {"verdict": VERDICTS, "value": VALUES, "pipe": PIPES, "end": ENDS, "resource": RESOURCES, "reach": REACH}
HOSTILE = {f"{family}: {name}": code for family, some in FAMILIES.items() for name, code in some.items()}
QUICK = [
    "verdict: write the verdict where it was once read",
    "verdict: replace the check functions",
    "value: equal to everything",
    "pipe: answers in advance",
    "reach: overwrite another hand-in",
]


def hostile_answer(name: str, canary, checker, solution, port: int) -> str:
    """The code of an answer, with the names it needs. It ends with a wrong answer, unless it has one of its own."""
    places = {"CANARY": str(canary), "CHECKER": str(checker), "SOLUTION": str(solution), "PORT": port}
    code = HOSTILE[name]
    wrong = "" if "def times_as_many" in code and "SOLUTION" not in code else ZERO
    return "".join(f"{place} = {value!r}\n" for place, value in places.items()) + wrong + code
