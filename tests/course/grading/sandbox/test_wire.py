"""The wire: what is sent arrives, and what nobody sent so is refused, whatever bytes it is."""

import contextlib
import json
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlm_course.course.grading.sandbox import wire
from dlm_course.course.grading.sandbox.wire import (
    Job,
    WireError,
    decode_job,
    decode_outputs,
    encode_job,
    encode_outputs,
    split,
)
from dlm_course.course.questions import Output

ARRAYS = [np.array(2.5), np.array([[1, 2, 3]]), np.zeros((0, 3)), np.array([True, False]), np.float32([1.5]),
          np.array([np.nan, -np.inf]), np.array([1 + 2j]), np.arange(3, dtype=np.uint16)]


def sent(*outputs):
    return encode_outputs(outputs)


def head(entries, arrays=b""):
    text = json.dumps(entries).encode()
    return b"o" + struct.pack("<I", len(text)) + text + arrays


ONE = {"shape": [2], "dtype": "<f8", "type_name": "Tensor", "error": "", "mutated": "", "attempted": True}


@pytest.mark.parametrize("value", ARRAYS, ids=str)
def test_an_array_arrives_as_it_was(value):
    output, = decode_outputs(sent(Output(value, "Tensor", mutated="number 1")), 1)
    np.testing.assert_array_equal(output.value, value)
    assert (output.value.dtype, output.value.shape) == (value.dtype, value.shape)
    assert (output.type_name, output.mutated, output.error, output.attempted) == ("Tensor", "number 1", "", True)


def test_arrays_follow_each_other():
    outputs = decode_outputs(sent(*(Output(value, "ndarray") for value in ARRAYS)), len(ARRAYS))
    for output, value in zip(outputs, ARRAYS, strict=True):
        np.testing.assert_array_equal(output.value, value)


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]).T, np.arange(6).reshape(2, 3).T, np.arange(9)[::-2]], ids=str)
def test_an_array_in_another_order_arrives(value):
    np.testing.assert_array_equal(decode_outputs(sent(Output(value)), 1)[0].value, value)


@pytest.mark.parametrize("code", [">f8", ">i4", np.longdouble, np.clongdouble], ids=str)
def test_other_numbers_become_this_machines(code):
    value = decode_outputs(sent(Output(np.ones(3, dtype=code))), 1)[0].value
    assert value.dtype.isnative
    assert value.dtype.kind == np.dtype(code).kind
    np.testing.assert_array_equal(value, np.ones(3))


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([{}, 1], dtype=object), np.zeros(1, "f8,i4"),
                                   np.array(["2020-01-01"], dtype="datetime64[D]")], ids=lambda value: str(value.dtype))
def test_what_is_no_number_is_an_error(value):
    output, = decode_outputs(sent(Output(value, "ndarray")), 1)
    assert output.value is None
    assert "expected numbers" in output.error
    every_case = decode_outputs(sent(*[Output(value, "ndarray")] * 3), 3)    # as an answer that always returns it
    assert [other.error for other in every_case] == [output.error]


@pytest.mark.parametrize("last", [Output(error="raised ValueError"), Output(attempted=False)], ids=["error", "stub"])
def test_the_last_of_fewer_outputs_says_why(last):
    whole = sent(Output(ARRAYS[0]), last)
    assert len(decode_outputs(whole, 5)) == 2
    assert decode_outputs(whole, 2)[-1] == last


def test_an_answer_that_gave_no_array():
    assert decode_outputs(sent(Output(type_name="list"), Output(type_name="NoneType")), 2)[0].type_name == "list"


@pytest.mark.parametrize(("raw", "reason"), {
    "nothing": (b"", "no outputs"),
    "another letter": (b"c" + sent(Output(ARRAYS[0]))[1:], "something else than outputs"),
    "too few": (sent(Output(ARRAYS[0])), "1 outputs for 2 cases"),
    "too many": (sent(*[Output(ARRAYS[0])] * 3), "another number of cases"),
    "none": (head([]), "another number of cases"),
    "no list": (head({"0": ONE}), "another number of cases"),
    "no object": (head([1, 2]), "no object"),
    "no JSON": (b"o" + struct.pack("<I", 3) + b"{,}", "JSON"),
    "no UTF-8": (b"o" + struct.pack("<I", 3) + b"\xff\xfe\xfd", "JSON"),
    "deep": (b"o" + struct.pack("<I", 60000) + b"[" * 60000, "JSON"),
    "a number of many digits": (b"o" + struct.pack("<I", 60000) + b"9" * 60000, "JSON"),
    "a long head": (b"o" + struct.pack("<I", 2**17) + b" " * 2**17, "something else than outputs"),
    "a head that is cut off": (sent(Output(ARRAYS[0]))[:40], "something else than outputs"),
    "an array that is cut off": (head([ONE] * 2, bytes(31)), "cut off"),
    "bytes to spare": (head([ONE] * 2, bytes(33)), "more bytes"),
    "an array that would be huge": (head([{**ONE, "shape": [2**62]}] * 2), "too large"),
    "a huge empty array": (head([{**ONE, "shape": [0, 2**40]}] * 2), "too large"),
    "negative": (head([{**ONE, "shape": [-1]}] * 2), "without a shape"),
    "half": (head([{**ONE, "shape": [1.0]}] * 2, bytes(16)), "without a shape"),
    "true": (head([{**ONE, "shape": [True]}] * 2, bytes(16)), "without a shape"),
    "many dimensions": (head([{**ONE, "shape": [1] * 17}] * 2, bytes(16)), "without a shape"),
    "dtype but no shape": (head([{**ONE, "shape": None}] * 2, bytes(32)), "without a shape"),
    "objects": (head([{**ONE, "dtype": "|O"}] * 2, bytes(32)), "another dtype"),
    "text": (head([{**ONE, "dtype": "<U4"}] * 2, bytes(64)), "another dtype"),
    "other byte order": (head([{**ONE, "dtype": ">f8"}] * 2, bytes(32)), "another dtype"),
    "fields": (head([{**ONE, "dtype": [["a", "<f8"]]}] * 2, bytes(32)), "another dtype"),
    "a number for a text": (head([{**ONE, "error": 1}] * 2, bytes(32)), "than a text"),
    "no text": (head([{"shape": [2], "dtype": "<f8", "attempted": True}] * 2, bytes(32)), "than a text"),
    "attempted 1": (head([{**ONE, "attempted": 1}] * 2, bytes(32)), "whether"),
    "an array and an error": (head([{**ONE, "error": "no"}], bytes(16)), "together with an error"),
    "an array, but not attempted": (head([{**ONE, "attempted": False}], bytes(16)), "together with an error"),
    "an output after an error": (head([{**ONE, "shape": None, "dtype": None, "error": "no"}, ONE], bytes(16)),
                                 "after an error"),
    "an output after a stub": (sent(Output(attempted=False), Output(ARRAYS[0])), "after an error"),
    "nothing in it": (sent(Output(), Output()), "without anything"),
}.values(), ids=lambda value: value if isinstance(value, str) else "")
def test_all_else_is_refused(raw, reason):
    with pytest.raises(WireError, match=reason):
        decode_outputs(raw, 2)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_there_is_no_other_exception(raw):
    for data in (raw, b"o" + raw, head([ONE], raw), b"c\x02\x00\x00\x00ab" + raw):
        outputs, raised, at = split(data)
        assert all(text.isprintable() for text in (at, *(text for pair in raised for text in pair)))
        for bytes_ in (data, outputs):
            with contextlib.suppress(WireError):
                decode_outputs(bytes_, 2)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from([*ONE]) | st.text(max_size=5), inner, max_size=6)))
def test_whatever_the_head_there_is_no_other_exception(entries):
    for claimed in (entries, [entries], [{**ONE, **entries}] if isinstance(entries, dict) else [ONE, entries]):
        try:
            outputs = decode_outputs(head(claimed, bytes(16)), 2)
        except WireError:
            continue
        assert len(outputs) <= 2


def test_texts_are_cut_and_can_be_printed():
    output, = decode_outputs(head([{**ONE, "shape": None, "dtype": None, "type_name": "x" * 200, "error":
                                    "\x1b[31m\u202e\ud800\n" + "e" * 1000}]), 1)
    assert output.type_name == "x" * 80
    assert output.error == "\ufffd[31m\ufffd\ufffd\ufffd" + "e" * 392


def test_addresses_are_left_out_since_they_differ_in_every_run():
    output, = decode_outputs(sent(Output(error="raised ValueError: <object object at 0x7f2a3c0b1e50> is not 0xff")), 1)
    assert output.error == "raised ValueError: <object object at 0x...> is not 0xff"


def test_truth_values_are_zero_or_one():
    value = decode_outputs(head([{**ONE, "dtype": "|b1", "shape": [4]}], bytes([0, 1, 2, 255])), 1)[0].value
    assert value.dtype == bool
    assert value.view(np.uint8).tolist() == [0, 1, 1, 1]


def test_arrays_can_be_written_to_and_hold_on_to_nothing():
    value = decode_outputs(sent(Output(np.zeros(3))), 1)[0].value
    value[0] = 1
    assert value.base is None or value.base.nbytes == value.nbytes


# Reports before the outputs

def test_reports_come_before_the_outputs():
    outputs = sent(Output(ARRAYS[0]))
    stream = wire.cell_begins("setup") + wire.cell_begins("01-1") + wire.cell_raised("01-1", "ValueError: no") + \
        wire.cell_begins("")
    assert split(stream + outputs) == (outputs, (("01-1", "ValueError: no"),), "")
    assert split(stream) == (b"", (("01-1", "ValueError: no"),), "")


def test_a_stream_that_ends_in_a_cell_tells_which():
    stream = wire.cell_begins("setup") + wire.cell_begins("01-2")
    assert split(stream) == (b"", (), "01-2")
    assert split(stream[:-1])[2] == "setup"


def test_what_is_no_report_is_left_to_be_refused():
    garbage = b"garbage" * 10
    rest, _, at = split(wire.cell_begins("setup") + garbage)
    assert (rest, at) == (garbage, "setup")
    forged = b"r" + struct.pack("<I", 9) + b"[1, [], 2]"
    assert split(forged)[0] == forged


def test_a_report_of_odd_text_arrives():
    id_, message = split(wire.cell_raised("a" * 300, "\ud800\n\u202e" + "m" * 1000))[1][0]
    assert id_ == "a" * 200
    assert message.startswith("\ufffd\ufffd\ufffdmmm")
    assert len(message) == 400
    assert split(wire.cell_begins("\ud800"))[2] == "?"


# Jobs and frames

def test_a_job_arrives():
    job = Job((("setup", "x = '\ud83d é \u2028'"), ("", "")), "answer", b"\x00\xff" * 10)
    assert decode_job(encode_job(job)) == job


def test_a_frame_says_what_follows():
    start = wire.frame({"ended": "done"}, 12)
    length, body = wire.frame_lengths(start[:wire.FRAME_START])
    assert json.loads(start[wire.FRAME_START:]) == {"ended": "done"}
    assert (length, body) == (len(start) - wire.FRAME_START, 12)


def test_a_frame_that_no_warm_parent_sends():
    with pytest.raises(WireError):
        wire.frame_lengths(b"\xff" * wire.FRAME_START)


def test_all_is_written():
    reader, writer = os.pipe()
    wire.write_all(writer, memoryview(b"abc"))
    wire.write_all(writer, b"def")
    assert os.read(reader, 10) == b"abcdef"
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        wire.write_all(writer, b"g")
    os.close(writer)
