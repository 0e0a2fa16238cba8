"""How a PostgreSQL type becomes a MySQL type without loss, and as which text both sides hash it.

The text is what the copy's verification compares: for each value both databases must arrive at the same bytes.
"""

import re
from dataclasses import dataclass

MAX_KEY_BYTES = 3072  # InnoDB's limit for an index, DYNAMIC row format
MAX_ROW_BYTES = 65535  # of all columns but TEXT, whatever the storage engine
BYTES_PER_CHARACTER = 4  # utf8mb4


@dataclass(frozen=True)
class Type:
    """What becomes of a column: `{c}` in an expression stands for the quoted column."""

    mysql: str
    sent: str = "{c}"  # PostgreSQL: the expression that COPY sends
    postgres_text: str = "{c}::text"
    mysql_text: str = "cast({c} as char)"
    key_bytes: int = 8  # what an index entry takes at most; more than MAX_KEY_BYTES cannot be a key
    row_bytes: int = 8  # what a row's part outside of TEXT takes at most


class UnknownType(Exception):
    """A type that the copy does not carry yet."""


# Characters, which both sides count alike; bytes depend on the encoding of the database that is asked.
_LENGTH = "char_length({c}) || ':' || {c}", "concat(char_length({c}), ':', {c})"
_EXACT = {
    "integer": Type("INT"),
    "bigint": Type("BIGINT"),
    "uuid": Type("CHAR(36)", key_bytes=36 * BYTES_PER_CHARACTER, row_bytes=36 * BYTES_PER_CHARACTER),
    "text": Type("LONGTEXT", "{c}", *_LENGTH, key_bytes=MAX_KEY_BYTES + 1, row_bytes=12),
    "timestamp with time zone": Type(
        "DATETIME(6)",
        "{c} at time zone 'UTC'",
        "to_char({c} at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
    ),
}
TEXT = _EXACT["text"]


def contract(declared: str) -> Type:
    """Return what becomes of a type as `format_type()` writes it. Raises UnknownType.

    Source of the limits: MySQL 9.7 manual, "Data Type Storage Requirements" and "Fixed-Point Types".
    """
    if declared in _EXACT:
        return _EXACT[declared]
    if match := re.fullmatch(r"numeric\((\d+),(\d+)\)", declared):
        precision, scale = map(int, match.groups())
        if precision <= 65 and scale <= min(30, precision):
            return Type(f"DECIMAL({precision},{scale})", key_bytes=32, row_bytes=32)
    if match := re.fullmatch(r"character varying\((\d+)\)", declared):
        length = int(match[1])
        # A row's columns that are not TEXT share MAX_ROW_BYTES.
        if length <= 768:
            most = length * BYTES_PER_CHARACTER
            return Type(f"VARCHAR({length})", "{c}", *_LENGTH, key_bytes=most, row_bytes=most + 2)
        return TEXT
    raise UnknownType(declared)
