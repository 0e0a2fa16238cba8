"""How a PostgreSQL type becomes a MySQL type without loss, and the text of it that both sides hash.

The copy's verification compares this text: for each value both databases must produce the same bytes.
"""

import re
from dataclasses import dataclass

MAX_KEY_BYTES = 3072  # InnoDB's limit for an index, DYNAMIC row format
MAX_ROW_BYTES = 65535  # of all columns but TEXT, whatever the storage engine
BYTES_PER_CHARACTER = 4  # utf8mb4


@dataclass(frozen=True)
class Type:
    """How a column is copied: `{c}` in an expression stands for the quoted column."""

    mysql: str
    sent: str = "{c}"  # PostgreSQL: the expression that COPY sends
    postgres_text: str = "{c}::text"
    mysql_text: str = "cast({c} as char)"
    key_bytes: int = 8  # maximum bytes of an index entry; more than MAX_KEY_BYTES cannot be a key
    row_bytes: int = 8  # maximum bytes of a row's part outside of TEXT


class UnknownType(Exception):
    """A type that the copy does not support yet."""


# Characters, which both sides count alike; bytes depend on each database's encoding.
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
    """Return how a type is copied, given as `format_type()` writes it. Raises UnknownType.

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
