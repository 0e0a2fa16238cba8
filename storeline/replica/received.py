"""A value of a change, as Debezium writes it into JSON, becomes the text that COPY would have sent for it.

This relies on settings in the connector's declaration: exact numbers come as text, moments as ISO 8601. Each function
raises ValueError, which says what was expected.
"""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,6})?0*Z")
MOST_DIGITS = 200  # of a number as text; no DECIMAL has more


def whole(bits: int) -> Callable[[Any], str]:
    """Return the function for whole numbers of `bits` bits."""
    limit = 1 << (bits - 1)

    def text_of(value: Any) -> str:
        if type(value) is not int or not -limit <= value < limit:
            raise ValueError(f"expected a whole number of {bits} bits")
        return str(value)

    return text_of


def text(most: int | None = None) -> Callable[[Any], str]:
    """Return the function for texts of at most `most` characters."""

    def text_of(value: Any) -> str:
        if type(value) is not str or (most is not None and len(value) > most):
            raise ValueError("expected a text" if most is None else f"expected a text of at most {most} characters")
        if not value.isascii():
            value.encode()  # JSON can write half of a character, which is a ValueError here
        doubled = value.replace('"', '""')
        return f'"{doubled}"'

    return text_of


def exact(precision: int, scale: int) -> Callable[[Any], str]:
    """Return the function for exact numbers with `precision` digits, `scale` of them after the point."""
    # As PostgreSQL writes them, so that most need no arithmetic.
    before, after = f"[1-9][0-9]{{0,{precision - scale - 1}}}|0" if precision > scale else "0", f"[0-9]{{{scale}}}"
    plain = re.compile(rf"-?(?:{before})\.{after}" if scale else rf"-?(?:{before})").fullmatch

    def text_of(value: Any) -> str:
        if type(value) is str and plain(value):
            return value
        expected = f"expected a number with at most {precision} digits, {scale} of them after the point, as text"
        if type(value) is not str or len(value) > MOST_DIGITS:
            raise ValueError(expected)
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise ValueError(expected) from None
        digits = number.as_tuple()
        if not isinstance(digits.exponent, int) or digits.exponent < -scale or number.adjusted() >= precision - scale:
            raise ValueError(expected)
        return f"{number:.{scale}f}"

    return text_of


def moment(value: Any) -> str:
    """Return a moment in UTC, without zeros at the end of its fraction."""
    found = MOMENT.fullmatch(value) if type(value) is str else None
    if found is None:
        raise ValueError("expected a moment such as 2026-01-31T12:00:00.123456Z in the years 1 to 9999")
    date, time, fraction = found.groups()
    return f"{date} {time}{(fraction or '').rstrip('0').rstrip('.')}"


def uuid(value: Any) -> str:
    """Return a UUID in lower case."""
    if type(value) is not str or not UUID.fullmatch(value):
        raise ValueError("expected a UUID")
    return value
