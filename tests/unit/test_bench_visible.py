"""When sales count as visible: each with its order and all of its lines."""

import pytest

from bench.change_load import Sale
from bench.visible import Seen, milliseconds, parts, share

SALES = [Sale(101, 303, 1.0), Sale(102, 306, 2.0)]
NONE, ORDER_ALONE, ONE, TWO_LINES_MORE, BOTH = (
    Seen(100, 300, 0.9),
    Seen(101, 300, 1.1),
    Seen(101, 303, 1.2),
    Seen(102, 305, 2.1),
    Seen(102, 306, 2.5),
)


def test_a_sale_is_visible_with_its_last_line() -> None:
    seen = [NONE, ORDER_ALONE, ONE, TWO_LINES_MORE, BOTH]
    assert milliseconds(SALES, seen) == pytest.approx([200, 500])
    assert share(SALES, ONE) == 0.5


def test_a_state_with_a_part_of_a_sale_is_told_from_one_with_whole_sales() -> None:
    assert parts(SALES, [NONE, ONE, BOTH]) == 0
    assert [parts(SALES, [one]) for one in (ORDER_ALONE, TWO_LINES_MORE)] == [1, 1]
    assert parts(SALES, [Seen(100, 301, 1.0)]) == 1
    assert parts(SALES, [Seen(101, 306, 1.0)]) == 1
