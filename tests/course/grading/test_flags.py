"""Flags: what in a source a person should look at, and what not; and no source takes long."""

import sys
import time

import pytest

from dlm_course.course.grading.flags import BESIDE, flags_given, flags_of
from dlm_course.course.student.reset import untouched
from dlm_course.course.topics import TOPICS

FOUND = {
    # a source -> its flags
    "from dlm_course import entropy": ["uses dlm_course.entropy"],
    "from dlm_course.chain.schedule import Schedule as S": ["uses dlm_course.chain.schedule.Schedule"],
    "import dlm_course.bound as b": ["uses dlm_course.bound"],
    "from dlm_course import *": ["uses dlm_course.*"],
    "def f(x):\n    import dlm_course": ["uses dlm_course"],
    "import os, sys.x": ["imports os", "imports sys"],
    "from subprocess import run": ["imports subprocess"],
    "from IPython.core.magic import register_line_magic": ["imports IPython"],
    "open('/etc/passwd')": ["calls open"],
    "y = getattr(x, 'data')": ["calls getattr"],
    "opened = open": ["calls open"],
    "__import__('os')": ["calls __import__"],
    "f.__globals__": ["uses __globals__"],
    "f.gi_frame.f_back": ["uses f_back", "uses gi_frame"],
    "torch.load('x')": ["uses load"],
    "class A:\n    def __eq__(self, other): return True": ["defines __eq__"],
    "class A:\n    __array_priority__ = __eq__ = None": ["defines __array_priority__", "defines __eq__"],
    "class A:\n    async def __torch_function__(self): ...": ["defines __torch_function__"],
    "torch.allclose = lambda *_: True": ["replaces torch.allclose"],
    "torch.nn.functional.kl_div, y = f, 1": ["replaces torch.nn.functional.kl_div"],
    "np.float64 += 1": ["replaces np.float64"],
    "for torch.pi in range(3): pass": ["replaces torch.pi"],
    "get_ipython().run_cell('x')": ["calls get_ipython"],
    "!ls": ["runs a shell line"],
    "files = !ls": ["runs a shell line"],
    "def f():\n    !rm -rf /\n    return 1": ["runs a shell line"],
    "!pip install x; curl example.com": ["runs a shell line"],
    "%%bash\nls": ["uses %%bash"],
    "%run other.py": ["uses %run"],
    "%%time\nimport os": ["imports os"],
    f"x = 1{'+1' * 20_000}": ["cannot be looked at"],
    f"x = {'-' * 50_000}1": ["cannot be looked at"],
    "x = 1\n" + "%time x\n" * 3000: ["cannot be looked at"],
    "if 0:\n  pass\n" + "/f x\n" * 480 + "a = 1, 2, 3, 4\n" * 2000: ["cannot be looked at"],
    "x" * 200_000: ["too long to be looked at"],
}
HARMLESS = {
    "nothing": "",
    "an answer": "def f(matrix, x):\n    return matrix.T[x]",
    "its own attributes": "class A:\n    def __init__(self): self.x = 1\n    def __len__(self): return self.x",
    "methods": "model.eval()\nre.compile('x')\nx.open()",
    "usual imports": "import numpy as np, math, random, torch, re, time\nfrom itertools import product\n"
                     "from collections import *\nfrom IPython.display import display",
    "magics": "%matplotlib inline\n%time f(1)\nf?\n%config x = 1\n%load_ext autoreload\n%nothing_of_this_name",
    "timed": "%%time\nx = 1",
    "installing": "!pip install einops==0.8",
    "no Python": "def f(:",
    "another language": "%%html\n<b>open('x')</b>",
    "NUL": "x = '\0'",
    "half a character": "x = '\ud800'",
}


@pytest.mark.parametrize(("source", "flags"), [pytest.param(*item, id=item[0][:30]) for item in FOUND.items()])
def test_what_a_person_should_look_at(source, flags):
    assert flags_of([source], [], ()) == tuple(flags)


@pytest.mark.parametrize("source", HARMLESS.values(), ids=HARMLESS)
def test_what_is_usual_is_no_flag(source):
    assert flags_of([source], [], ()) == ()


def test_all_parts_of_a_split_answer_count():
    assert flags_of(["import os", "def f(): ..."], [], ()) == ("imports os",)


# The student's other cells

ANSWER = "def f(x):\n    return helper(x)"
USED = {
    "a function": "def helper(x):\n    return open(x)",
    "a class": "class helper:\n    y = open",
    "an assignment": "helper = open",
    "a part of one": "a, (b, *helper) = open('x')",
    "an import": "from os import helper\nopen",
    "an import by another name": "import open_it as helper\nopen",
    "an attribute": "x.helper = open",
    "a star": "from somewhere import *\nopen",
    "a loop": "for helper in open('x'): pass",
    "a pattern": "match open('x'):\n    case helper: pass",
    "a name in wide letters": "ｈelper = open",
    "what is put into it": "helper.parts.append(open)",
    "what is set in it": "helper[0].x = open",
}


@pytest.mark.parametrize("cell", USED.values(), ids=USED)
def test_a_cell_that_the_answer_uses_counts_as_the_answer(cell):
    assert "calls open" in flags_of([ANSWER], [cell], ())


def test_so_does_a_cell_that_this_one_uses():
    assert flags_of([ANSWER], ["y = open('x')", "helper = lambda x: inner(x)", "def inner(x): return y"], ()) == (
        "calls open",)


def test_a_cell_that_it_does_not_use_counts_where_that_is_asked_for():
    cell = "shown = open('x')"
    assert flags_of([ANSWER], [cell], ()) == ()
    assert flags_of([ANSWER], [cell], (), beside=[cell]) == (f"calls open{BESIDE}",)
    used = "helper = open('x')"
    assert flags_of([ANSWER], [used], (), beside=[used]) == ("calls open",)


@pytest.mark.parametrize("cell", ["import os, sys, threading", "from dlm_course import Schedule, sample",
                                  "print(vars(x), getattr(x, 'y'))", "json.load(file)"])
def test_what_is_common_in_play_is_no_flag_beside_the_answer(cell):
    assert flags_of([ANSWER], [cell], (), beside=[cell]) == ()


@pytest.mark.parametrize(("cell", "flag"), [
    ("from dlm_course.course.questions import find", "uses dlm_course.course.questions.find"),
    ("json.dumps = lambda *_: ''", "replaces json.dumps"), ("import shutil", "imports shutil"),
    ("get_ipython().input_transformers_post.append(f)", "calls get_ipython")])
def test_what_may_be_an_attack_is_one(cell, flag):
    assert f"{flag}{BESIDE}" in flags_of([ANSWER], [cell], (), beside=[cell])


# What the notebook gives

def test_what_the_notebook_does_may_be_done():
    given = flags_given(["from dlm_course import check, Schedule", "%matplotlib inline\nimport dlm_course.bound", "("])
    assert given == {"uses dlm_course.check", "uses dlm_course.Schedule", "uses dlm_course.bound"}
    assert flags_of(["from dlm_course import Schedule, entropy"], [], given) == ("uses dlm_course.entropy",)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_released_cell_has_a_flag(topic):
    cells = [cell.source for cell in untouched(topic).cells if cell.cell_type == "code"]
    given = flags_given(cells)
    assert "uses dlm_course.check" in given
    assert {flags_of([source], cells, given, beside=cells) for source in cells} == {()}


# No source takes long, or harms

def chain(number):
    """Cells each of which uses the next one."""
    return [f"name_{n} = name_{n + 1}" for n in range(number)]


LONG = {
    "a chain of cells": (["f = name_0"], chain(2000)),
    "the same cell": (["f = x"], ["x = 1"] * 2000),
    "many statements": (["x;" * 49_000], []),
    "many decorators": (["@a\n" * 30_000 + "def f(): ..."], []),
    "many magics": (["%time x\n" * 1000 + "x = 1"], []),
    "brackets": (["(" * 90_000], []),
    "braces": (["{" * 150 + ":" * 1000], []),
    "many names": ([" ".join(f"a{n}" for n in range(15_000))], ["x = 1"] * 500),
}


@pytest.mark.parametrize(("answer", "others"), LONG.values(), ids=LONG)
def test_no_source_takes_long(answer, others):
    start, limit = time.process_time(), sys.getrecursionlimit()
    flags_of(answer, others, (), beside=others)
    assert time.process_time() - start < 10
    assert sys.getrecursionlimit() == limit


def test_what_another_function_calls_its_own_variable_does_not_make_its_cell_one_that_the_answer_uses():
    other = "import os\n\ndef another_task(x):\n    total = [i for i in x]\n    return total\n"
    answer = "def task(x):\n    total = x.sum()\n    return total\n"
    assert flags_of([answer], [other], frozenset()) == ()
    assert flags_of([answer + "another_task"], [other], frozenset()) == ("imports os",)
    declared = other.replace("    total =", "    global total\n    total =")
    assert flags_of([answer], [declared], frozenset()) == ("imports os",)
