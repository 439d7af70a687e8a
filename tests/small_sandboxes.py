"""Boxes for tests, skipped where this machine has no sandbox, and what an answer found out in one."""

import json
import os
from textwrap import dedent

import cloudpickle
import numpy as np
import pytest

from dlm_course.course.grading.sandbox.box import SandboxError, make_job, open_box
from dlm_course.course.grading.sandbox.wire import Job, Limits, decode_outputs
from dlm_course.course.questions import answer_key, judge

SMALL = Limits(wall=20, cpu=4, memory=2**30)
SEED = 7


def opened(kind="bubblewrap", limits=SMALL, topic=""):
    """A box; a skip where there is none, a failure where DLM_COURSE_REQUIRE_SANDBOX is set."""
    try:
        return open_box(kind, limits, topic)
    except SandboxError as error:
        if os.environ.get("DLM_COURSE_REQUIRE_SANDBOX"):
            pytest.fail(f"{error}, and DLM_COURSE_REQUIRE_SANDBOX is set")
        pytest.skip(str(error))


def asked(box, source, *cells, name="answer"):
    """The reply to a cell with this source, behind others, in which `answer()` is called once."""
    sources = [dedent(cell) for cell in (*cells, source)]
    payload = cloudpickle.dumps(({}, [((), None, False, None, "")]))
    return box.ask(Job(tuple((f"cell-{n}", text) for n, text in enumerate(sources)), name, payload))


def error(reply):
    """What the function raised."""
    assert reply.ended == "done", reply
    return decode_outputs(reply.raw, 1)[0].error


def found(box, source, *cells):
    """What `answer()` returns, anything that JSON can hold."""
    reply = asked(box, dedent(source) + dedent("""
        import json as _json
        import numpy as _numpy
        _found = answer

        def answer():
            return _numpy.frombuffer(_json.dumps(_found()).encode(), _numpy.uint8)
    """), *cells)
    assert reply.ended == "done", reply
    output = decode_outputs(reply.raw, 1)[0]
    assert output.value is not None, output.error
    assert output.value.dtype == np.uint8
    return json.loads(output.value.tobytes())


def verdict(box, question, *cells):
    """The verdict on the answer that these cells hold."""
    named = [(f"cell-{n}", dedent(cell)) for n, cell in enumerate(cells)]
    reply = box.ask(make_job(question, SEED, named))
    assert reply.ended == "done", reply
    key = answer_key(question, SEED)
    return judge(key, decode_outputs(reply.raw, len(key.cases)))
