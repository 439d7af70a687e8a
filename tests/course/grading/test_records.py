"""Records add up."""

from small_class import CUMULATIVE, NEXT, record, result


def test_a_record_adds_up_its_results():
    one = record("anna", [result(NEXT), result(CUMULATIVE, "✗", points=1)])
    assert (one.points, one.out_of) == (2, 3)
