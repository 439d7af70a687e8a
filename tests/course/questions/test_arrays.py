"""What a function may return, and what counts as changed."""

import numpy as np
import pytest
import torch
from small_questions import asking, verdict

from dlm_course.course.questions.arrays import as_array, same


@pytest.mark.parametrize(("result", "kind"), [([1, 2, 3], "list"), ((1,), "tuple"), ("6", "str"), ({}, "dict"),
                                              (iter(()), "tuple_iterator")])
def test_a_result_of_the_wrong_type(result, kind):
    assert verdict(lambda x: result).reason.startswith(f"double returned a {kind}, expected a tensor")


@pytest.mark.parametrize("convert", [
    lambda y: y.numpy(), lambda y: y.float(), lambda y: y.requires_grad_(), lambda y: y.to_sparse(), lambda y: y.half(),
    lambda y: y.bfloat16(), lambda y: torch.nn.Parameter(y), lambda y: y.flip(0).flip(0), lambda y: y.expand(2, 3)[1]])
def test_every_kind_of_tensor_counts(convert):
    assert verdict(lambda x: convert(2 * x)).passed


@pytest.mark.parametrize(("convert", "said"), [(lambda y: (y + 0j).conj(), "dtype complex128"),
                                               (lambda y: (1j * y).conj().imag, "wrong value: entry [0] is -2")])
def test_a_tensor_that_is_conjugated_or_negated_lazily_gets_a_verdict(convert, said):
    """As the discrete Fourier transform gives them."""
    assert said in verdict(lambda x: convert(2 * x)).reason


def test_a_number_counts_as_a_tensor_without_dimensions():
    question = asking(torch.tensor(3.0), reference=lambda x: 2 * x)
    assert verdict(lambda x: 6.0, question).passed
    assert verdict(lambda x: np.float32(6), question).passed
    assert verdict(lambda x: 6, question).reason.startswith("dtype int64, expected floating point")


@pytest.mark.parametrize("result", [None, "6", [6.0], {"a": 6.0}, object()])
def test_nothing_else_is_an_array(result):
    assert as_array(result) is None


def test_an_array_is_a_copy():
    for original in (torch.zeros(2), np.zeros(2)):
        array = as_array(original)
        original[0] = 1
        assert array.tolist() == [0, 0]


NAN = float("nan")


@pytest.mark.parametrize(("before", "after"), [
    (torch.tensor([1.0, NAN]), torch.tensor([1.0, NAN])), (np.arange(3), np.arange(3)), ((1, [torch.ones(2)]),) * 2,
    ({"a": torch.ones(2)}, {"a": torch.ones(2)}), ("text", "text"), (None, None)])
def test_the_same_by_content(before, after):
    assert same(before, after)


@pytest.mark.parametrize(("before", "after"), [
    (torch.tensor([1.0, NAN]), torch.tensor([1.0, 2.0])), (np.arange(3), np.arange(4)),
    (torch.ones(2), torch.ones(1, 2)), ([1, 2], [1]), ((1, [torch.ones(2)]), (1, [torch.zeros(2)])),
    ({"a": 1}, {"a": 1, "b": 2}), ({"a": 1}, {"b": 1}), ("text", "texts")])
def test_not_the_same(before, after):
    assert not same(before, after)
