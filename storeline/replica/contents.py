"""What a table holds, as its number of rows and the sum of its lines' hashes: one form, the line that travels.

COPY makes a CSV line of each row. The copy hashes each line on its way, and MySQL rebuilds that line from the values
that it stored. A sum does not depend on the order of the rows, and is the same for any division into ranges.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from storeline.replica.source import SourceTable
from storeline.stores import mysql

# 60 bits of each line's SHA-256: their sum over 10^9 rows still fits a DECIMAL exactly.
HASH_DIGITS = 15
UNUSED_BITS = 64 - 4 * HASH_DIGITS


@dataclass(frozen=True)
class Contents:
    """The number of rows and the sum of their lines' hashes."""

    rows: int = 0
    sum: int = 0

    def __add__(self, other: "Contents") -> "Contents":
        return Contents(self.rows + other.rows, self.sum + other.sum)


def hash_of(line: bytes) -> int:
    """Return a line's hash; `line` ends with its newline."""
    return int.from_bytes(sha256(line).digest()[:8]) >> UNUSED_BITS


def sum_of(lines: Sequence[bytes]) -> int:
    """Return the sum of the lines' hashes; a block of lines takes half of the time of one by one."""
    digests = b"".join([sha256(line).digest() for line in lines])
    return sum(first >> UNUSED_BITS for first in struct.unpack(">" + "Q24x" * len(lines), digests))


def line_of(table: SourceTable) -> str:
    """Return MySQL's expression for a row's line, as COPY wrote it."""
    values = ", ".join(f"coalesce({c.type.stored.format(c=mysql.quote(c.name))}, 'NULL')" for c in table.columns)
    return f"concat(concat_ws(',', {values}), '\n')"


def hash_of_line(table: SourceTable) -> str:
    """Return MySQL's expression for the hash of a row's line."""
    return f"cast(conv(left(sha2({line_of(table)}, 256), {HASH_DIGITS}), 16, 10) as unsigned)"


def target_query(table: SourceTable, target: str) -> str:
    """Return MySQL's query for the contents of a table; `target` is its quoted name."""
    return f"select count(*), cast(coalesce(sum({hash_of_line(table)}), 0) as char) from {target}"
