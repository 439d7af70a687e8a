"""The box: answers that attack it do no harm, honest ones lose nothing, and what does not work is said."""

import importlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import cloudpickle
import numpy as np
import pytest
import small_engine
from small_sandboxes import SEED, SMALL, asked, error, found, opened, verdict

from dlm_course.course.grading.sandbox import box as boxes
from dlm_course.course.grading.sandbox import launch, processes, wire
from dlm_course.course.grading.sandbox.box import BoxLost, SandboxError, make_job, open_box, payload
from dlm_course.course.grading.sandbox.wire import Limits, WireError, decode_outputs
from dlm_course.course.questions import answer_key, find, judge, questions, references_before
from dlm_course.course.topics import TOPICS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")]

NEXT, CUMULATIVE, PATHS = (find(id) for id in (
    "01-1-next-distribution", "01-2-cumulative-matrix", "01-3-marginal-by-paths"))
BUILDS = "def marginal_by_paths(matrices, x0, t): return cumulative_matrix(matrices, t)[:, x0]"
RIGHT = "def next_distribution(matrix, x):\n    return matrix.T[x]"


@pytest.fixture(scope="module")
def box():
    """One box for all attacks: what one of them leaves, the next would meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLM_COURSE_TEST_SECRET", "known to the grader alone")
        with opened(topic="01") as box:
            box.own = set(processes.below(box._process.pid))
            yield box


@pytest.fixture(autouse=True)
def _still_sound(request):
    """After each test that used the box, it grades on, and no process of an answer is left."""
    yield
    if "box" in request.fixturenames:
        box = request.getfixturevalue("box")
        assert set(processes.below(box._process.pid)) == box.own
        assert verdict(box, NEXT, RIGHT).passed


# Ends, by every door

ENDS = {
    # name: the source, how it ends, what the function raised; None: no outputs, or none that can be read
    "loop": ("def answer():\n    while True: pass", "time", None),
    "loop in a cell": ("while True: pass\ndef answer(): return 1", "time", None),
    "sleep": ("import time\ndef answer(): time.sleep(1000)", "time", None),
    "exit": ("def answer(): exit()", "done", ""),
    "sys.exit": ("import sys\ndef answer(): sys.exit(0)", "done", "raised SystemExit"),
    "sys.exit in a cell": ("def answer(): return 1\nimport sys\nsys.exit(0)", "done", ""),
    "os._exit": ("import os\ndef answer(): os._exit(0)", "died", None),
    "os._exit in a cell": ("import os\ndef answer(): return 1\nos._exit(0)", "died", None),
    "segfault": ("import ctypes\ndef answer(): ctypes.string_at(0)", "died", None),
    "abort": ("import os\ndef answer(): os.abort()", "died", None),
    "interrupt": ("def answer(): raise KeyboardInterrupt", "done", "raised KeyboardInterrupt"),
    "ignored signals": ("""
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        def answer():
            while True: pass
        """, "time", None),
    "recursion": ("def answer(): return answer()", "done", "raised RecursionError"),
    "memory": ("import numpy\ndef answer(): return numpy.ones(10 * 2**30 // 8)", "done", "raised MemoryError"),
    "memory of torch": ("import torch\ndef answer(): return torch.ones(10 * 2**30 // 4)", "done",
                        "raised RuntimeError"),
    "memory of several": ("""
        import numpy, os, time
        def answer():
            for _ in range(8):
                if not os.fork():
                    x = numpy.ones(400 * 2**20 // 8)
                    time.sleep(100)
            time.sleep(100)
        """, "memory", None),
    "shared memory of several": ("""
        import mmap, os, time
        def answer():
            for _ in range(8):
                if not os.fork():
                    shared = mmap.mmap(-1, 400 * 2**20)
                    for at in range(0, len(shared), 4096): shared[at] = 1
                    time.sleep(100)
            time.sleep(100)
        """, "memory", None),
    "fork bomb": ("""
        import os
        def answer():
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
        """, "time", None),
    "threads": ("""
        import threading, time
        def answer():
            for _ in range(1000): threading.Thread(target=time.sleep, args=(100,)).start()
        """, "done", "raised RuntimeError: can't start new thread"),
    "prints in a cell": ("for _ in range(1024): print('x' * 2**20)\ndef answer(): return 1", "done", ""),
    "prints": ("def answer():\n    for _ in range(1024): print('x' * 2**20)", "memory", None),
    "output": ("import numpy\ndef answer(): return numpy.zeros(2**22)", "size", None),
    "endless output": ("import os\ndef answer():\n    while True: os.write(3, bytes(65536))", "size", None),
    "disk": ("""
        def answer():
            for n in range(1000):
                with open(f"{n}", "wb") as file: file.write(bytes(2**20))
        """, "done", "raised OSError: [Errno 28]"),
    "disk, in many files": ("def answer():\n    for n in range(10**6): open(f'{n}', 'w').close()", "done",
                            "raised OSError: [Errno 28]"),
    "shared memory of the system": ("""
        def answer():
            for n in range(1000):
                with open(f"/dev/shm/{n}", "wb") as file: file.write(bytes(2**20))
        """, "done", "raised OSError: [Errno 28]"),
    "file": ("def answer():\n    with open('f', 'wb') as file:\n        for _ in range(100): file.write(bytes(2**20))",
             "done", "raised OSError: [Errno 27]"),
    "open files": ("def answer():\n    files = [open('/dev/null') for _ in range(1000)]", "done",
                   "raised OSError: [Errno 24]"),
    "input": ("def answer(): return input('?')", "done", "raised EOFError"),
    "garbage in every file": ("""
        import os
        def answer():
            for fd in range(300):
                try:
                    os.write(fd, b"garbage" * 100)
                except OSError:
                    pass
            return 1
        """, "done", None),
    "closed files": ("import os\ndef answer():\n    os.closerange(0, 300)\n    return 1", "died", None),
    "patches": ("""
        import json, numpy, os, struct, torch
        numpy.array_equal = numpy.allclose = torch.equal = torch.allclose = lambda *_, **__: True
        json.dumps = lambda *_, **__: "[]"
        def answer(): return 1
        """, "done", None),
    "always equal": ("""
        class Yes:
            def __eq__(self, other): return True
            def __array__(self, *_, **__): raise RuntimeError
        def answer(): return Yes()
        """, "done", ""),
    "hostile pickle": ("""
        class Bomb:
            def __reduce__(self): import os; return os.system, ("touch /scratch/bomb",)
        def answer(): import numpy; return numpy.array([Bomb()])
        """, "done", "returned an array of dtype object"),
}


@pytest.mark.parametrize(("source", "ended", "raised"), [
    pytest.param(*end, id=name, marks=[pytest.mark.slow] if end[1] in ("time", "memory") else [])
    for name, end in ENDS.items()])
def test_however_an_answer_ends_it_is_told(box, source, ended, raised):
    start = time.monotonic()
    reply = asked(box, source)
    assert reply.ended == ended, reply
    assert time.monotonic() - start < SMALL.wall + 10
    if ended != "done":
        assert reply.raw == b""
    elif raised is None:
        with pytest.raises(WireError):
            decode_outputs(reply.raw, 1)
    else:
        assert error(reply).startswith(raised)
        assert raised or not error(reply)


def test_what_died_tells_of_what(box):
    assert asked(box, "import os\ndef answer(): os._exit(7)").detail == "exit code 7"
    assert asked(box, "import ctypes\ndef answer(): ctypes.string_at(0)").detail == "SIGSEGV"
    assert asked(box, "import os\ndef answer(): os._exit(101)").detail == "exit code 100"    # 101 would be out of time


def test_the_cell_in_which_it_ended_is_told(box):
    assert asked(box, "def answer(): return 1", "x = 1", "import os; os._exit(1)").at == "cell-1"
    assert asked(box, "import os\ndef answer(): os._exit(1)", "x = 1").at == ""


def test_cells_that_raise_cost_no_other_cell(box):
    reply = asked(box, "def answer(): return x", "1 / 0", "x = (", "x = 2", "undefined", "raise SystemExit", "!false",
                  "import nothing_of_this_name", "'\ud800'")
    assert decode_outputs(reply.raw, 1)[0].value == 2
    assert dict(reply.raised).keys() == {f"cell-{n}" for n in (0, 1, 3, 4, 6, 7)}
    assert dict(reply.raised)["cell-0"] == "ZeroDivisionError: division by zero"


# What honest answers may do

@pytest.mark.parametrize("source", {
    "await": "import asyncio\nx = await asyncio.sleep(0, 3)\ndef answer(): return x",
    "event loop": "import asyncio\nasync def three(): return 3\ndef answer(): return asyncio.run(three())",
    "magics": "%matplotlib inline\n%timeit -n1 -r1 1\n!echo 1\nfiles = !ls\n%pip --version\ndef answer(): return 3",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()\ndef answer(): plt.plot([1]); return 3",
    "warning": "import warnings\nwarnings.warn('!')\ndef answer(): warnings.warn('!'); return 3",
    "check": "from dlm_course import check\ncheck('01-1-next-distribution')\ndef answer(): return 3",
    "its file": "open('x', 'w').write('3')\ndef answer(): return int(open('/scratch/x').read())",
    "temporary file": "import tempfile\ndef answer():\n    with tempfile.TemporaryFile() as file: return 3",
    "main": "class Three: pass\nimport pickle\npickle.loads(pickle.dumps(Three()))\ndef answer(): return 3",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\ndef answer(): return A(3).x",
    "processes": """
        from multiprocessing import get_context
        def three(_): return 3
        def answer():
            with get_context("fork").Pool(2) as pool: return max(pool.map(three, range(4)))
        """,
    "threads": """
        import torch
        def answer():
            torch.set_num_threads(4)
            return int(3 * torch.ones(512, 512).matmul(torch.eye(512))[0, 0])
        """,
    "thread pool": """
        from concurrent.futures import ThreadPoolExecutor
        def answer():
            with ThreadPoolExecutor(4) as pool: return sum(pool.map(int, "111"))
        """,
    "memory": "import torch\ndef answer(): return int(3 * torch.ones(100 * 2**20 // 4).mean())",
    "package": "from dlm_course import Schedule\nimport dlm_course.bound.discrete\ndef answer(): return 3",
    "late thread": """
        import threading, time
        def answer():
            threading.Thread(target=time.sleep, args=(1000,)).start()
            return 3
        """,
}.values(), ids=lambda source: "")
def test_honest_answers_lose_nothing(box, source):
    reply = asked(box, source)
    assert reply.ended == "done"
    assert reply.raised == ()
    assert decode_outputs(reply.raw, 1)[0].value == 3, error(reply)


# What it sees

def test_no_network(box):
    """Neither the internet, nor this machine, nor its sockets in files and in names."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        named.bind("\0dlm-course-test")
        named.listen()
        refused = found(box, f"""
            import socket
            def answer():
                failures = []
                for family, address in ((socket.AF_INET, ("127.0.0.1", {server.getsockname()[1]})),
                                        (socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET6, ("::1", 80)),
                                        (socket.AF_UNIX, "\\0dlm-course-test")):
                    try:
                        with socket.socket(family) as s: s.settimeout(5); s.connect(address)
                    except OSError as error: failures.append(type(error).__name__)
                for family in (socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):
                    try: socket.socket(family, socket.SOCK_RAW)
                    except OSError as error: failures.append(error.errno)
                try: socket.getaddrinfo("example.org", 80)
                except OSError as error: failures.append(type(error).__name__)
                return failures
            """)
        assert len(refused) == 9, refused
        assert refused[4:8] == [97] * 4    # not supported
        named.settimeout(0)
        with pytest.raises(BlockingIOError):
            named.accept()


HIDDEN = [f"dlm_course.course.questions.{name}" for name in TOPICS.values()] + [
    "dlm_course.course.author", "dlm_course.course.author.release", "dlm_course.course.lab",
    "dlm_course.course.student.check_notebook", "dlm_course.course.grading.sandbox.box",
    "dlm_course.course.grading.sandbox.launch"]


def test_no_question_can_be_imported(box):
    modules = found(box, f"""
        import importlib, sys
        def answer():
            there = [name for name in {HIDDEN!r} if name in sys.modules]
            for name in {HIDDEN!r}:
                try: importlib.import_module(name)
                except ImportError: continue
                there.append(name)
            return there
        """)
    assert modules == []


def test_no_file_of_the_course_can_be_read(box):
    """Not a question, a solution, a test or a notebook, wherever they are on this machine."""
    files = found(box, f"""
        import os
        NAMES = {sorted(TOPICS.values())!r}
        def answer():
            seen = [os.path.join(folder, file) for folder, _, files in os.walk("/") for file in files
                    if not folder.startswith("/proc")]
            return [path for path in seen if any(name in path for name in NAMES)
                    or "/tests/answers" in path or "/solutions/" in path]
        """)
    assert files == []


@pytest.mark.parametrize("place", [Path(__file__), launch.RELEASED, Path.home() / ".ssh", Path("/etc/passwd"),
                                   Path("/etc/shadow"), Path("/var"), Path("/sys"), Path("/usr/share")],
                         ids=str)
def test_no_other_file_is_there(box, place):
    assert found(box, f"import os\ndef answer(): return os.path.lexists({str(place)!r})") is False


def test_no_folder_above_the_libraries_shows_its_files(box):
    """Of the folders above what is seen there is the name alone."""
    shown = found(box, """
        import os, sys
        def answer():
            place = os.path.dirname(sys.prefix)
            shown = {}
            while place != "/":
                shown[place] = [name for name in os.listdir(place) if not os.path.isdir(os.path.join(place, name))]
                place = os.path.dirname(place)
            return shown
        """)
    assert all(files == [] for files in shown.values())


@pytest.mark.parametrize("file", ["sys/kernel/core_pattern", "sys/vm/drop_caches", "sysrq-trigger",
                                  "irq/default_smp_affinity", "1/uid_map", "self/setgroups"])
def test_no_setting_of_the_kernel_can_be_written(box, file):
    """Even where the grader is root."""
    assert found(box, f"""
        import os
        def answer():
            try: return os.write(os.open("/proc/{file}", os.O_WRONLY), b"0")
            except OSError as error: return -error.errno
        """) in (-1, -2, -13, -30)


@pytest.mark.parametrize("place", ["/course/dlm_course", "/usr/lib", "/tmp", "/dev", "/etc", "/", "/proc/sys/kernel",
                                   sys.prefix, str(Path(np.__file__).parent)])
def test_nothing_can_be_written_but_in_scratch(box, place):
    assert found(box, f"""
        def answer():
            try: open({place!r} + "/x", "w")
            except OSError as error: return error.errno
        """) in (1, 2, 13, 30)    # not permitted, no such file, permission denied, read-only


def test_what_is_written_is_gone_for_the_next(box):
    places = "('/scratch', '/dev/shm', '/tmp')"
    written = found(box, f"""
        def answer():
            count = 0
            for place in {places}:
                try: count += open(place + "/left", "w").write("x")
                except OSError: pass
            import builtins, torch, numpy, os
            builtins.left = torch.left = numpy.left = 1
            os.environ["LEFT"] = "1"
            torch.set_default_dtype(torch.float16)
            return count
        """)
    assert written == 2
    assert found(box, f"""
        import builtins, numpy, os, torch
        def answer():
            return ["left" in [name for place in {places} for name in os.listdir(place)], hasattr(builtins, "left"),
                    hasattr(torch, "left"), hasattr(numpy, "left"), "LEFT" in os.environ, str(torch.ones(1).dtype)]
        """) == [False, False, False, False, False, "torch.float32"]


def test_only_its_own_processes_are_seen(box):
    pids, environments, me = found(box, """
        import os
        def answer():
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            text = b""
            for pid in pids:
                try: text += open(f"/proc/{pid}/environ", "rb").read()
                except OSError: pass
            return pids, (text + repr(os.environ).encode()).decode(errors="replace"), [os.getpid(), os.getppid()]
        """)
    assert pids in ([1], [])    # none where the kernel gave no /proc
    assert me == [1, 0]
    assert "known to the grader alone" not in environments
    assert str(Path.home()) + ":" not in environments


@pytest.mark.skipif(sys.platform != "linux", reason="by the owner of files in /proc")
def test_nobody_may_look_into_the_warm_parent(box, plain):
    """Neither into its memory nor its files: the kernel says so by giving them to root."""
    rights = []
    for pid in (max(box.own), plain._process.pid):
        assert {os.stat(f"/proc/{pid}/{name}").st_uid for name in ("mem", "environ", "fd", "maps")} == {0}
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert status["Threads"] == "1"
        rights.append(int(status["CapEff"], 16))
    assert rights[0] == 0


def test_no_file_is_open_but_its_own(box):
    """The standard ones lead nowhere, and one leads to the warm parent, which does not read what comes."""
    assert found(box, """
        import os
        def answer():
            found = {}
            for fd in range(1024):
                try: found[fd] = os.readlink(f"/proc/self/fd/{fd}").partition(":")[0]
                except OSError: pass
            return found
        """) == {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null", "3": "pipe"}


def test_it_is_the_first_to_go_where_memory_runs_out(box):
    assert found(box, "def answer(): return open('/proc/self/oom_score_adj').read()") == "1000\n"


def test_rights_cannot_be_had(box):
    status, refused = found(box, """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        def answer():
            status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
            calls = {
                "unshare": lambda: libc.unshare(0x10000000), "mount": lambda: libc.mount(b"x", b"/", b"tmpfs", 0, None),
                "ptrace": lambda: libc.ptrace(0, 0, 0, 0), "umount": lambda: libc.umount2(b"/scratch", 2),
                "chroot": lambda: libc.chroot(b"/scratch"), "shmget": lambda: libc.shmget(1, 4096, 0o1600),
                "clone": lambda: libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0),
                "memfd": lambda: libc.memfd_create(b"x", 0), "setuid": lambda: libc.setuid(0),
                "bpf": lambda: libc.syscall(321, 0, 0, 0), "keyctl": lambda: libc.syscall(250, 0, -3, 1),
                "sethostname": lambda: libc.sethostname(b"x", 1), "vsock": lambda: libc.socket(40, 1, 0),
                "nice": lambda: libc.setpriority(0, 0, -5), "raise": lambda: -1 if raised() else 0,
            }
            return status, {name: call() for name, call in calls.items()}
        def raised():
            import resource
            try: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            except (ValueError, OSError): return True
        """)
    assert {status[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Uid"].split()[0] != "0"
    assert set(refused.values()) == {-1}, refused


@pytest.mark.parametrize("source", ["os.kill(os.getppid(), 9)", "os.kill(1, 9)", "os.kill(-1, 9)", "os.kill(0, 9)",
                                    "os.killpg(os.getpgid(0), 9)", "os.kill(2, 9)",
                                    "[os.kill(pid, 9) for pid in range(1, 3000)]"])
def test_no_process_outside_can_be_killed(box, source):
    asked(box, f"import os\ndef answer():\n    {source}\n    return 1")
    assert box.ask(make_job(NEXT, SEED, [("a", RIGHT)])).ended == "done"


def test_a_daemon_is_gone_afterwards(box):
    """Whatever it does to be forgotten: the kernel ends the whole namespace. `_still_sound` counts."""
    reply = asked(box, """
        import os, signal, time
        def answer():
            for _ in range(3):
                if not os.fork():
                    os.setsid()
                    for number in range(1, 30):
                        try: signal.signal(number, signal.SIG_IGN)
                        except (OSError, ValueError): pass
                    if not os.fork():
                        os.closerange(0, 100)
                        time.sleep(1000)
                    os._exit(0)
            return 1
        """)
    assert decode_outputs(reply.raw, 1)[0].value == 1


def told_by(box, question, source):
    """What the function of a question returns, as `json_array(...)`, in its first case."""
    array = "import json, numpy\ndef json_array(x): return numpy.frombuffer(json.dumps(x).encode(), numpy.uint8)"
    reply = box.ask(make_job(question, SEED, [("array", array), ("a", dedent(source))]))
    assert reply.ended == "done", reply
    output = decode_outputs(reply.raw, len(answer_key(question, SEED).cases))[0]
    assert output.value is not None, output
    return json.loads(output.value.tobytes())


@pytest.mark.parametrize("everything", [
    "gc.get_objects()",
    "[v for f in frames() for space in (f.f_locals, f.f_globals) for v in space.values()]",
    "[c.cell_contents for f in gc.get_objects() if isinstance(f, types.FunctionType) for c in f.__closure__ or ()]",
], ids=["gc", "frames", "closures"])
def test_the_asked_reference_is_no_object_of_the_process(box, everything):
    """A cell and a function look at every one: of the topic's module there is what earlier references need."""
    seen = told_by(box, PATHS, f"""
        import gc, sys, types
        def frames():
            frame = sys._getframe()
            while frame: yield frame; frame = frame.f_back
        def functions():
            return sorted({{x.__qualname__ for x in {everything} if isinstance(x, types.FunctionType)
                            and "questions.single_token" in str(x.__module__)}})
        first = functions()
        def marginal_by_paths(matrices, x0, t): return json_array(sorted({{*first, *functions()}}))
        """)
    assert set(seen) <= {"next_distribution", "cumulative_matrix"}


MEMORY = """
    import re
    def in_memory(*backwards):
        wanted = [bytes(reversed(bytes.fromhex(text))) for text in backwards]
        found = [0 for _ in backwards]
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
            for line in maps.read().splitlines():
                start, end = (int(x, 16) for x in re.match("([0-9a-f]+)-([0-9a-f]+)", line).groups())
                if " rw" not in line: continue
                while start < end:
                    try:
                        memory.seek(start)
                        piece = memory.read(min(end - start, 2**24))
                    except (OSError, ValueError): break
                    found = [n + piece.count(text) for n, text in zip(found, wanted)]
                    start += len(piece) or end
        return found
    """


def backwards(text):
    return bytes(reversed(text)).hex()


@pytest.mark.parametrize("times", [600, 1000, 2000])
def test_no_byte_of_another_source_is_in_memory(box, times):
    """The warm parent never holds it. (If it did, parts of texts of these lengths would be found.)"""
    marker = b"a marker of the job before"
    for _ in range(3):
        asked(box, "def answer(): return 1", f"# {marker.decode() * times}")
    sought = [backwards(marker), backwards(b"what never was there")]
    there, nothing = found(box, dedent(MEMORY) + f"def answer(): return in_memory(*{sought!r})")
    assert there == nothing    # once each, as it is sought


def test_no_byte_of_other_outputs_and_references_is_in_memory(box):
    """Neither what another student's right answer gave, nor the references for the next task."""
    outputs = b"outputs of the job before"
    code = CUMULATIVE.reference.__code__.co_code
    assert code in payload(PATHS, SEED)
    for _ in range(3):
        asked(box, f"import numpy\ndef answer(): return numpy.frombuffer({outputs!r} * 4000, 'u1')")
        assert verdict(box, PATHS, BUILDS).passed
    sought = [*map(backwards, (b"a string of this cell", b"a string of no cell at all", outputs, code))]
    _, mine, nothing, *others = told_by(box, CUMULATIVE, dedent(MEMORY) + dedent(f"""
        def cumulative_matrix(matrices, t):
            if t > 1: return 0
            return json_array(["a string of this cell", *in_memory(*{sought!r})])
        """))
    assert mine > nothing    # which is there once, as it is sought
    assert others == [nothing] * 2


@pytest.mark.parametrize("topic", TOPICS)
def test_no_payload_holds_the_asked_reference(topic):
    """Of the topic's module it brings what earlier references and the cases need, by value."""
    for question in questions(topic):
        earlier, cases = cloudpickle.loads(payload(question, SEED))
        assert list(earlier) == list(references_before(question))
        assert len(cases) == len(answer_key(question, SEED).cases)
        text = payload(question, SEED)
        for function in (question.reference, question.stand_in, *(m.wrong for m in question.misconceptions)):
            code = getattr(function, "__code__", None)
            if code and function.__module__.startswith("dlm_course.course") and function not in references_before(
                    question).values():
                assert code.co_code not in text or len(code.co_code) < 30, f"{question.id}: {function}"
        for case in answer_key(question, SEED).cases:
            assert not case.edge or case.edge.encode() not in text


# What comes back

def test_forged_outputs_cannot_be_more_than_outputs(box):
    """An answer can write its own reports; that is worth what it puts into them."""
    forged = "import os, struct\ndef write(text): os.write(3, text)\n"
    reply = asked(box, forged + """
raised = b'["01-1", "\\u202e!"]'
write(b"c" + struct.pack("<I", 5) + b"01-99" + b"r" + struct.pack("<I", len(raised)) + raised)
head = b'[{"shape": [], "dtype": "<f8", "type_name": "", "error": "", "mutated": "", "attempted": true}]'
write(b"o" + struct.pack("<I", len(head)) + head + struct.pack("<d", 1.5))
os._exit(0)
def answer(): return 1
""")
    assert reply.ended == "done"
    assert reply.raised == (("01-1", "\ufffd!"),)
    assert decode_outputs(reply.raw, 1)[0].value == 1.5


# Verdicts

@pytest.mark.parametrize(("number", "name"), [
    ("01", "single_token_chains"), pytest.param("03", "elbo_and_posterior", marks=pytest.mark.slow),
    pytest.param("07", "mdlm_training", marks=pytest.mark.slow)])
def test_verdicts_are_those_of_check(number, name):
    """A sample of right and wrong answers, below the notebook's setup: the line that `check` prints, word for word."""
    topic = answers_of(f"test_{number}_{name}").TOPIC
    with opened(topic=number) as box:
        for task, function in topic.functions.items():
            question = find(task)
            right = [answer for answer in topic.right if answer.task == task and not answer.slow][:3]
            wrong = [answer for answer in topic.wrong if answer.task == task][:4]
            for answer in (*right, *wrong):
                cells = [("setup", topic.cell("setup") + "\nimport numpy as np"), (task, dedent(answer.source).strip())]
                reply = box.ask(make_job(question, 0, cells))
                assert reply.ended == "done", (answer[:2], reply)
                key = answer_key(question, 0)
                assert str(judge(key, decode_outputs(reply.raw, len(key.cases)))) == topic.verdict(task, answer.source)
                assert function == question.name


def answers_of(name):
    """The module of a topic's answers in tests/answers."""
    folder = Path(__file__).parents[3] / "answers"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        module = importlib.import_module(name)
    return module


def test_earlier_tasks_are_the_references(box):
    """A wrong answer to an earlier task costs nothing here, and neither does a missing one."""
    wrong = "def cumulative_matrix(matrices, t): return matrices[0]"
    assert verdict(box, PATHS, wrong, BUILDS).passed
    assert verdict(box, PATHS, BUILDS).passed
    assert not verdict(box, PATHS, "def marginal_by_paths(matrices, x0, t): return matrices[0][:, x0]").passed


def test_the_package_does_not_give_what_is_asked_for(box):
    question = find("05-3-carry-over")
    took = told_by(box, question, """
        import dlm_course, importlib, dlm_course.chain.transition as transition
        def carry_over(*args):
            found = []
            for place in ("dlm_course", "dlm_course.chain.transition", "dlm_course.bound.discrete"):
                try: found.append(importlib.import_module(place).carry_over and place)
                except AttributeError: pass
            try: exec("from dlm_course import carry_over", {})
            except ImportError: found.append("refused")
            return json_array(found)
        """)
    assert took == ["refused"]
    assert error(asked(box, "from dlm_course import carry_over\ndef answer(): return carry_over and 1")) == ""


# The box itself

def gone(pids, seconds=10):
    """True once none of these processes runs, at the latest after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[:1] in ([], ["Z"]) for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_a_lost_warm_parent_is_noticed(box):
    with opened() as other:
        os.kill(processes.below(other._process.pid)[-1], signal.SIGKILL)
        with pytest.raises(BoxLost):
            asked(other, "def answer(): return 1")
        with pytest.raises(BoxLost, match="lost before"):
            asked(other, "def answer(): return 1")
        assert processes.below(other._process.pid) == []


@pytest.mark.slow
def test_a_warm_parent_that_hangs_is_lost(monkeypatch):
    monkeypatch.setattr(boxes, "_GRACE", 0.5)
    with opened(limits=Limits(wall=0.5)) as box:
        below = processes.below(box._process.pid)
        os.kill(below[-1], signal.SIGSTOP)
        with pytest.raises(BoxLost, match="does not answer"):
            asked(box, "def answer(): return 1")
        assert gone(below)


def test_the_end_of_the_box_ends_its_processes_and_removes_its_files():
    box = opened()
    pids, place = processes.below(box._process.pid), Path(box._place.name)
    assert pids
    assert place.exists()
    box.close()
    assert not place.exists()
    assert gone(pids)
    with pytest.raises(BoxLost):
        asked(box, "def answer(): return 1")
    box.close()    # again: nothing happens


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_the_end_of_the_grader_ends_the_sandbox(kind, tmp_path):
    """It is killed in the midst of a job, without a chance to clean up."""
    opened(kind).close()
    code = dedent("""
        import sys
        sys.path.insert(0, sys.argv[1])
        from small_sandboxes import asked, opened
        from dlm_course.course.grading.sandbox import processes
        with opened(sys.argv[2]) as box:
            print(box._process.pid, *processes.below(box._process.pid), flush=True)
            asked(box, "import time\\ndef answer(): time.sleep(1000)")
        """)
    with subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parents[3]), kind], stdout=subprocess.PIPE,
                          text=True, env={**os.environ, "TMPDIR": str(tmp_path)}) as grader:
        pids = [int(pid) for pid in grader.stdout.readline().split()]
        assert pids
        time.sleep(0.5)
        grader.kill()
    assert gone(pids)


def test_two_threads_share_a_box_one_after_the_other(box):
    found_ = []
    threads = [threading.Thread(target=lambda n=n: found_.append(
        (n, int(decode_outputs(asked(box, f"def answer(): return {n}").raw, 1)[0].value)))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found_) == [(n, n) for n in range(4)]


# Without a sandbox

@pytest.fixture(scope="module")
def plain():
    with opened("none", topic="01") as box:
        yield box


def test_without_a_sandbox_verdicts_are_the_same(plain):
    assert plain.name == "none"
    assert verdict(plain, NEXT, RIGHT).passed
    assert "row of Q" in verdict(plain, NEXT, "def next_distribution(matrix, x): return matrix[x]").reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loop", "memory", "memory of several", "os._exit", "segfault", "output", "threads"])
def test_without_a_sandbox_the_limits_hold(plain, name):
    source, ended, raised = ENDS[name]
    reply = asked(plain, source)
    assert reply.ended == ended, reply
    assert raised is None or error(reply).startswith(raised)
    assert verdict(plain, NEXT, RIGHT).passed


@pytest.mark.slow
def test_without_a_sandbox_daemons_are_ended(plain):
    mark = f"dlm-course-test-{os.getpid()}"
    asked(plain, f"""
        import os, subprocess, sys
        def answer():
            for _ in range(3):
                if not os.fork():
                    os.setsid()
                    if not os.fork(): os.execv(sys.executable, ["python", "-c", "import time; time.sleep(9)", {mark!r}])
                    os._exit(0)
            return 1
        """)
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in text_of(path)]
    assert running == []


def text_of(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def test_without_a_sandbox_files_are_removed(plain):
    place = found(plain, "import os\ndef answer():\n    open('left', 'w').close()\n    return os.getcwd()")
    assert "dlm-course-scratch-" in place
    assert not Path(place).exists()


@pytest.mark.slow
def test_without_a_sandbox_the_warm_parent_can_be_lost():
    with opened("none") as box, pytest.raises(BoxLost):
        asked(box, "import os\ndef answer(): os.kill(os.getppid(), 9)")


# What does not work is said

def test_bubblewrap_that_is_not_installed(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match=r"bubblewrap is not installed.*apt install bubblewrap.*container:IMAGE"):
        open_box("bubblewrap")


@pytest.mark.parametrize("kind", ["", "docker", "container:", "container:--privileged", "bwrap"])
def test_another_kind(kind):
    with pytest.raises(ValueError, match="bubblewrap, container:IMAGE or none"):
        open_box(kind)


@pytest.mark.parametrize(("code", "advice"), {
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user "
    "namespaces.": "The kernel refused",
    "bwrap: setting up uid map: Permission denied": "The kernel refused",
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted": "The kernel refused",
    "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)":
        "The kernel refused",
    "bwrap: Unknown option --perms": r"bubblewrap 0\.5 or newer",
    "bwrap: something else": "Does `.*bwrap --ro-bind / / true` work",
}.items(), ids=lambda value: "")
def test_bubblewrap_that_is_not_allowed(monkeypatch, tmp_path, code, advice):
    """Its own words, and what usually is the cause."""
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\necho {shlex.quote(code)} >&2\nexit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(boxes, "_SETTINGS", {})
    monkeypatch.setattr(boxes, "_IN_A_CONTAINER", ())
    with pytest.raises(SandboxError) as raised:
        open_box("bubblewrap")
    assert code in str(raised.value)
    assert re.search(advice, str(raised.value))


# In a container. Here the engine is a stand-in, so that the command line and the warm parent's own part are tried, and
# not docker or podman.

@pytest.fixture(scope="module", params=small_engine.IMAGES)
def contained(request, tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("the stand-in for docker needs root")
    folder = tmp_path_factory.mktemp("engine")
    small_engine.installed(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        with opened(f"container:{request.param}", topic="01") as box:
            box.own = set(processes.below(box._process.pid))
            yield box
            assert box.name == f"container {request.param}"


@pytest.fixture
def without(contained):
    """The container that may make no namespaces."""
    if contained.name != "container without-namespaces":
        pytest.skip("that is tried in bubblewrap")
    return contained


@pytest.mark.slow
def test_in_a_container_verdicts_are_the_same(contained):
    assert verdict(contained, NEXT, RIGHT).passed
    assert "row of Q" in verdict(contained, NEXT, "def next_distribution(matrix, x): return matrix[x]").reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loop", "memory", "memory of several", "os._exit", "segfault", "output", "threads",
                                  "disk", "file", "fork bomb"])
def test_in_a_container_the_limits_hold(contained, name):
    source, ended, raised = ENDS[name]
    reply = asked(contained, source)
    assert reply.ended in (ended, "memory" if name == "fork bomb" else ended), reply    # shared memory counts twice
    assert raised is None or error(reply).startswith(raised)
    assert set(processes.below(contained._process.pid)) == contained.own
    assert verdict(contained, NEXT, RIGHT).passed


@pytest.mark.slow
def test_without_namespaces_an_answer_is_another_user(without):
    """It can neither look into the warm parent nor end it, and has no rights."""
    uid, capabilities, found_ = found(without, """
        import os
        def answer():
            status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
            found = []
            for what in (lambda: os.kill(os.getppid(), 9), lambda: os.kill(1, 9), lambda: os.setuid(0),
                         lambda: open("/proc/1/mem", "rb"), lambda: open("/proc/1/environ", "rb").read(),
                         lambda: os.listdir("/proc/1/fd"), lambda: open("/course/x", "w")):
                try: what()
                except OSError as error: found.append(error.errno)
            return os.getuid(), status["CapEff"], found
        """)
    assert 50_000 <= uid < 60_000
    assert int(capabilities, 16) == 0
    assert len(found_) == 7
    assert set(found_) <= {1, 13, 30}


@pytest.mark.slow
def test_without_namespaces_daemons_are_ended(without):
    asked(without, """
        import os, time
        def answer():
            if not os.fork():
                os.setsid()
                if not os.fork(): time.sleep(1000)
                os._exit(0)
            return 1
        """)
    assert set(processes.below(without._process.pid)) == without.own


@pytest.mark.slow
def test_without_namespaces_files_are_gone_for_the_next(without):
    """However deep, and whatever their rights."""
    assert found(without, """
        import os
        def answer():
            for place in ("/scratch", "/dev/shm"):
                os.chdir(place)
                open(".file", "w").close()
                os.symlink("/course", "link")
                os.mkfifo("fifo")
                for n in range(600):
                    os.mkdir("d" * 200)
                    open("d" * 200 + "/file", "w").close()
                    os.chdir("d" * 200)
                os.chmod(".", 0)
                os.chmod("/scratch/" + "d" * 200, 0o500)
            return 1
        """) == 1
    assert found(without, "import os\ndef answer(): return os.listdir('/scratch') + os.listdir('/dev/shm')") == []


def test_an_image_that_is_not_there(tmp_path, monkeypatch):
    small_engine.installed(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxError, match=r"python3 in the image 'nothing'.*docker pull nothing.*Unable"):
        open_box("container:nothing")


def test_neither_docker_nor_podman(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match="neither docker nor podman"):
        open_box("container:python:3.12")


def test_an_image_with_another_python(tmp_path, monkeypatch):
    """Functions travel as compiled code, which another version cannot run."""
    docker, hello = tmp_path / "docker", tmp_path / "hello"
    hello.write_bytes(wire.frame({"python": [3, 99], "means": "users"}))
    docker.write_text(f"#!/bin/sh\ncase \"$*\" in kill*) ;; *--name*) cat {hello}; sleep 5;; *) echo '[]';; esac\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SandboxError, match=r"it has Python 3\.99, and the grader"):
        open_box("container:course")
