"""The table of values shows what a reader has to see: a value that became another one without an error."""

from bench.edges import EDGES
from bench.values import cell, row, shown


def test_a_changed_value_stands_out_and_is_shown() -> None:
    assert cell("exact", "") == "exact"
    assert cell("refused", "year is out of range") == "refused"
    assert cell("changed", "0.00") == "**0.00**"
    assert cell("no row", "") == "**no row**"


def test_a_value_is_shown_on_one_short_line() -> None:
    assert (shown(None), shown("")) == ("NULL", "empty")
    assert shown("a\nb") == r"a\nb"
    assert len(shown("abcdefghij" * 10_000)) == 32
    assert row(["a|b", "c"]) == r"| a\|b | c |"


def test_no_value_is_there_twice() -> None:
    named = [(edge.type, edge.name) for edge in EDGES]
    assert len(set(named)) == len(named)
