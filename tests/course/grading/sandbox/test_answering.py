"""Answering: cells in a shell without spectators, then the function, and the reports of both."""

import json
import os
import subprocess
import sys
from textwrap import dedent

import cloudpickle
import pytest

from dlm_course.course.grading.sandbox import answering
from dlm_course.course.grading.sandbox.wire import Job, decode_outputs, encode_job, split

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on Windows")

DOUBLE = "def double(x):\n    return 2 * x"


def job(*sources, name="double", earlier=None, cases=((1.5,), (3,))):
    cells = tuple((f"cell-{n}", source) for n, source in enumerate(sources))
    return Job(cells, name, cloudpickle.dumps((earlier or {}, [(args, None, False, None, "") for args in cases])))


JOBS = {
    "right": job(DOUBLE),
    "cells are one notebook": job("two = 2", "def double(x):\n    return two * x"),
    "later definition": job(DOUBLE, "def double(x):\n    return 0"),
    "undefined": job("x = 1"),
    "stub": job("def double(x):\n    ..."),
    "raises": job("1 / 0", "def double(x):\n    raise ValueError('no')"),
    "interrupt": job("raise KeyboardInterrupt", "def double(x):\n    raise KeyboardInterrupt"),
    "earlier": job("def double(x):\n    return twice(x)", earlier={"twice": lambda x: 2 * x}),
    "prints": job("print('x' * 10**6)", "def double(x):\n    print(x)\n    return 2 * x"),
    "input": job("input()", DOUBLE),
    "exit": job(DOUBLE, "exit()", "quit()"),
    "system": job("!exit 3", "code = _exit_code", "files = !echo a b", "import sys\ndef double(x):\n"
                  "    return 2 * x if code == 3 and files == ['a b'] else 0"),
    "check": job("from dlm_course import check, passed\nfrom dlm_course.course.student.check import check as same",
                 "check('01-1')\nsame('01-1', 3)\nif passed('01-1'): raise ValueError", DOUBLE),
    "asked for": job("from dlm_course import kl\ndef answer(x): return 1", name="kl"),
    "asked for, by the package": job("from dlm_course import exact_bound, with_temperature as t\n" + DOUBLE),
    "odd exception": job("class Odd(Exception):\n    def __str__(self): raise Odd\nraise Odd", DOUBLE),
    "odd text": job("raise ValueError('\\ud800\\u202e')", "'\ud83d'", DOUBLE),
    "standard files": job("import os, sys\nprint(1, file=sys.stderr)\ndef double(x):\n    return 2 * x if [os.readlink("
                          "f'/dev/fd/{n}') for n in range(3)] == ['/dev/null'] * 3 else 0"),
}


@pytest.fixture(scope="module")
def streams():
    """What each job writes, in a fork of one process that has prepared once; and how many threads that one had."""
    code = dedent("""
        import json, os, sys, threading
        from dlm_course.course.grading.sandbox import answering
        shell = answering.prepare(["import textwrap as imported_before", "from dlm_course import check"])
        streams = {"threads": threading.active_count()}
        for name, job in json.load(sys.stdin).items():
            reader, writer = os.pipe()
            if not os.fork():
                answering.answer(shell, bytes.fromhex(job), writer)
                os._exit(0)
            os.close(writer)
            with os.fdopen(reader, "rb") as file:
                streams[name] = file.read().hex()
            os.wait()
        print(json.dumps(streams))
        """)
    jobs = json.dumps({name: encode_job(job).hex() for name, job in JOBS.items()})
    done = subprocess.run([sys.executable, "-c", code], input=jobs, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def told(streams):
    """The outputs of a job, and the cells that raised with what."""
    def of(name):
        raw, raised, at = split(bytes.fromhex(streams[name]))
        assert at == ""
        return decode_outputs(raw, 2), dict(raised)
    return of


@pytest.mark.parametrize("name", ["right", "cells are one notebook", "earlier", "prints", "exit", "system", "check",
                                  "asked for, by the package", "standard files"])
def test_right_answers(told, name):
    outputs, raised = told(name)
    assert [output.value for output in outputs] == [3.0, 6], outputs
    assert raised == {}


def test_the_last_definition_counts(told):
    assert [output.value for output in told("later definition")[0]] == [0, 0]


@pytest.mark.parametrize("name", ["undefined", "stub"])
def test_what_is_not_there_was_not_attempted(told, name):
    assert [output.attempted for output in told(name)[0]] == [False]


def test_what_raises_is_told_with_the_line(told):
    (output,), raised = told("raises")
    assert output.error == "raised ValueError: no, at `raise ValueError('no')`"
    assert raised == {"cell-0": "ZeroDivisionError: division by zero"}


def test_an_interrupt_is_an_error_like_others(told):
    (output,), raised = told("interrupt")
    assert output.error == "raised KeyboardInterrupt"
    assert list(raised) == ["cell-0"]


def test_nobody_types(told):
    assert told("input")[1] == {"cell-0": "EOFError: EOF when reading a line"}


def test_the_package_does_not_give_what_is_asked_for(told):
    (output,), raised = told("asked for")
    assert "kl is what the task asks for" in raised["cell-0"] or "cannot import name 'kl'" in raised["cell-0"]
    assert not output.attempted


def test_an_exception_without_words(told):
    outputs, raised = told("odd exception")
    assert outputs[1].value == 6
    assert raised["cell-0"] == "Odd: <exception str() failed>"


def test_text_that_no_file_can_hold(told):
    outputs, raised = told("odd text")
    assert outputs[1].value == 6
    assert raised["cell-0"] == "ValueError: \ufffd\ufffd"
    assert "cell-1" in raised


def test_one_thread_and_what_is_imported_beforehand(streams):
    assert streams["threads"] == 1


def test_the_library_is_all_but_pictures_and_the_course():
    names = set(answering._library())
    assert {"dlm_course.chain.transition", "dlm_course.model.training", "dlm_course.families.gan"} <= names
    assert not {name for name in names if name.startswith(("dlm_course.course", "dlm_course.show", "dlm_course.cli"))}
