"""How a PostgreSQL type becomes a MySQL type without loss: what COPY sends for it, and how MySQL writes it back.

Both must be the same bytes: a row's line is hashed on its way, and MySQL rebuilds it from what it stored. The stream of
changes makes the same text from the value that it receives.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storeline.replica import received

MAX_KEY_BYTES = 3072  # InnoDB's limit for an index, DYNAMIC row format
MAX_ROW_BYTES = 65535  # of all columns except TEXT, whatever the storage engine
BYTES_PER_CHARACTER = 4  # utf8mb4


@dataclass(frozen=True)
class Type:
    """How a column is copied: `{c}` in an expression stands for the quoted column."""

    mysql: str
    received: Callable[[Any], str]  # the text of a value from a change's JSON; raises ValueError
    sent: str = "{c}"  # PostgreSQL: the expression that COPY sends
    stored: str = "cast({c} as binary)"  # MySQL: the bytes of the same text from the stored value
    is_text: bool = False  # quoted in the line, so that a text NULL is not a null
    is_whole: bool = False  # a whole number of at most 64 bits
    key_bytes: int = 8  # maximum bytes of an index entry; more than MAX_KEY_BYTES cannot be a key
    row_bytes: int = 8  # maximum bytes of a row's part outside of TEXT


class UnknownType(Exception):
    """A type that the copy does not support yet."""


_QUOTED = """concat(_binary'"', replace(cast({c} as binary), _binary'"', _binary'""'), _binary'"')"""
# PostgreSQL writes no zeros at the end of a fraction; nine of ten fractions have none, and need no search for them.
_MOMENT = """case when microsecond({c}) mod 10 then cast({c} as binary)
    when microsecond({c}) = 0 then left(cast({c} as binary), 19)
    else trim(trailing _binary'0' from cast({c} as binary)) end"""
_EXACT = {
    "integer": Type("INT", received.whole(32), is_whole=True),
    "bigint": Type("BIGINT", received.whole(64), is_whole=True),
    "uuid": Type("CHAR(36)", received.uuid, key_bytes=36 * BYTES_PER_CHARACTER, row_bytes=36 * BYTES_PER_CHARACTER),
    "text": Type("LONGTEXT", received.text(), stored=_QUOTED, is_text=True, key_bytes=MAX_KEY_BYTES + 1, row_bytes=12),
    "timestamp with time zone": Type(
        "DATETIME(6)",
        received.moment,
        "{c} at time zone interval '0'",  # UTC, without looking its name up for each row
        _MOMENT,
    ),
}
TEXT = _EXACT["text"]


def contract(declared: str) -> Type:
    """Return how a type is copied, given as `format_type()` writes it. Raises UnknownType.

    Source of the limits: MySQL 9.7 manual, "Data Type Storage Requirements" and "Fixed-Point Types".
    """
    if declared in _EXACT:
        return _EXACT[declared]
    if match := re.fullmatch(r"numeric\((\d+),(\d+)\)", declared):
        precision, scale = map(int, match.groups())
        if precision <= 65 and scale <= min(30, precision):
            exact = received.exact(precision, scale)
            return Type(f"DECIMAL({precision},{scale})", exact, key_bytes=32, row_bytes=32)
    if match := re.fullmatch(r"character varying\((\d+)\)", declared):
        length = int(match[1])
        # A row's columns that are not TEXT share MAX_ROW_BYTES.
        if length <= 768:
            most, text = length * BYTES_PER_CHARACTER, received.text(length)
            return Type(f"VARCHAR({length})", text, stored=_QUOTED, is_text=True, key_bytes=most, row_bytes=most + 2)
        return TEXT
    raise UnknownType(declared)
