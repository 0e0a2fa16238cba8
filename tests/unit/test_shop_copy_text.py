"""The text that COPY reads: every value arrives unchanged."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from generators.columns import Block, Column, Moment, Money, Pool, Text, Whole, Words
from generators.plan import EPOCH


def lines(*columns: Column, count: int) -> list[str]:
    named = {f"column_{number}": column for number, column in enumerate(columns)}
    return Block("any", count, named).copy_text().decode().split("\n")[:-1]


@pytest.mark.parametrize(
    "numbers", [[0], [7, -7, 0, 10, 99, 100], [2**53, 1, -(10**15)], [9_999, 10_000, 10_001, 99_999_999, 100_000_000]]
)
def test_whole_numbers_have_no_leading_zeros(numbers: list[int]) -> None:
    assert lines(Whole(np.array(numbers)), count=len(numbers)) == [str(number) for number in numbers]


def test_money_has_two_decimals() -> None:
    assert lines(Money(np.array([0, 5, 50, 100, 123_456])), count=5) == ["0.00", "0.05", "0.50", "1.00", "1234.56"]


def test_moments_are_exact_to_the_microsecond() -> None:
    moments = [EPOCH, datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC), datetime(1726, 1, 1, 0, 0, 0, 1, UTC)]
    micros = np.array([(moment - EPOCH) // timedelta(microseconds=1) for moment in moments])

    assert [datetime.fromisoformat(line) for line in lines(Moment(micros), count=3)] == moments


def test_texts_are_escaped() -> None:
    pool = Pool(["tab\tline\nreturn\rslash\\", "żółć 🙂", "", r"\N"])

    assert lines(Words(pool, np.arange(4)), count=4) == [r"tab\tline\nreturn\rslash\\", "żółć 🙂", "", r"\\N"]


def test_a_text_is_put_together_of_parts() -> None:
    text = Text(("<", Words(Pool(["a", "bcd"]), np.array([1, 0])), Whole(np.array([1, 23])), "\t>"))

    assert lines(text, Whole(np.array([8, 9])), count=2) == ["<bcd1\\t>\t8", "<a23\\t>\t9"]


def test_what_is_not_known_is_null() -> None:
    is_known = np.array([True, False])

    assert lines(Whole(np.array([5, 5]), is_known), count=2) == ["5", r"\N"]
    assert lines(Text((Words(Pool(["x"]), np.array([0, 0])),), is_known), count=2) == ["x", r"\N"]


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        lines(Words(Pool(["a\0b"]), np.array([0])), count=1)


def test_no_rows_are_no_text() -> None:
    assert lines(Whole(np.array([], np.int64)), count=0) == []
