"""A value as Debezium writes it becomes the text that COPY sends, or is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeline.replica.types import contract

TYPES = ["integer", "bigint", "uuid", "text", "character varying(3)", "numeric(14,2)", "timestamp with time zone"]


@pytest.mark.parametrize(
    ("declared", "value", "text"),
    [
        ("integer", -2147483648, "-2147483648"),
        ("bigint", 9223372036854775807, "9223372036854775807"),
        ("uuid", "0a1b2c3d-0000-4000-8000-00000000000f", "0a1b2c3d-0000-4000-8000-00000000000f"),
        ("text", "", '""'),
        ("text", 'say "NULL",\n\\N 😀', '"say ""NULL"",\n\\N 😀"'),
        ("character varying(3)", "😀😀😀", '"😀😀😀"'),
        ("numeric(14,2)", "999999999999.90", "999999999999.90"),
        ("numeric(14,2)", "-0.01", "-0.01"),
        ("numeric(14,2)", "007.10", "7.10"),
        ("numeric(2,2)", "0.10", "0.10"),
        ("numeric(3,0)", "100", "100"),
        ("numeric(14,2)", "1.1", "1.10"),
        ("numeric(30,10)", "1E-7", "0.0000001000"),
        ("timestamp with time zone", "2026-11-22T10:00:00.123456Z", "2026-11-22 10:00:00.123456"),
        ("timestamp with time zone", "2026-11-22T10:00:00.120000Z", "2026-11-22 10:00:00.12"),
        ("timestamp with time zone", "2026-11-22T10:00:00.000Z", "2026-11-22 10:00:00"),
        ("timestamp with time zone", "2026-11-22T10:00:00Z", "2026-11-22 10:00:00"),
    ],
)
def test_a_value_becomes_its_text(declared: str, value: Any, text: str) -> None:
    assert contract(declared).received(value) == text


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("integer", 2147483648),
        ("integer", True),
        ("integer", "1"),
        ("bigint", 1.0),
        ("bigint", 1 << 63),
        ("uuid", "0A1B2C3D-0000-4000-8000-00000000000F"),
        ("uuid", "x"),
        ("text", 5),
        ("text", "\udc00"),
        ("character varying(3)", "four"),
        ("numeric(14,2)", 1.1),
        ("numeric(14,2)", "NaN"),
        ("numeric(2,2)", "1.00"),
        ("numeric(3,0)", "1000"),
        ("numeric(14,2)", "Infinity"),
        ("numeric(14,2)", "1.001"),
        ("numeric(14,2)", "1000000000000"),
        ("numeric(14,2)", "1E999999999"),
        ("numeric(14,2)", "0E999999999"),
        ("numeric(14,2)", "9" * 10_000),
        ("timestamp with time zone", "2026-11-22 10:00:00Z"),
        ("timestamp with time zone", "2026-11-22T10:00:00.1234567Z"),
        ("timestamp with time zone", "2026-11-22T10:00:00+01:00"),
        ("timestamp with time zone", "+10000-01-01T00:00:00Z"),
        ("timestamp with time zone", "-0001-01-01T00:00:00Z"),
        ("timestamp with time zone", 1_790_000_000_000_000),
    ],
)
def test_what_the_type_cannot_hold_is_refused(declared: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|surrogates"):
        contract(declared).received(value)


@given(
    st.sampled_from(TYPES), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
)
def test_no_value_leaves_its_field(declared: str, value: Any) -> None:
    try:
        text = contract(declared).received(value)
    except ValueError:
        return
    inner = text[1:-1].replace('""', "") if contract(declared).is_text else text
    assert '"' not in inner
    assert contract(declared).is_text or not set(text) & set(",\n\\")
