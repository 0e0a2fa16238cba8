"""What a table holds, as its number of rows and the XOR of their lines' hashes: one form, the line that travels.

COPY makes a CSV line of each row. The copy hashes each line on its way, and MySQL rebuilds that line from the values
that it stored. An XOR does not depend on the order of the rows, and is the same for any division into ranges. A line
that is there twice would cancel itself; the number of rows says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from operator import xor
from typing import Any

from storeline.replica import transfer
from storeline.replica.source import SourceTable
from storeline.stores import mysql


@dataclass(frozen=True)
class Contents:
    """The number of rows and the XOR of their lines' SHA-256."""

    rows: int = 0
    hash: int = 0

    def __add__(self, other: "Contents") -> "Contents":
        return Contents(self.rows + other.rows, self.hash ^ other.hash)

    @property
    def hexadecimal(self) -> str:
        """Return the hash as MySQL writes it."""
        return f"{self.hash:064X}"

    @classmethod
    def read(cls, rows: int, hexadecimal: str) -> "Contents":
        """Return what MySQL says."""
        return cls(rows, int(hexadecimal, 16))


def hash_of(line: bytes) -> int:
    """Return a line's hash; `line` ends with its newline."""
    return int.from_bytes(sha256(line).digest())


def hash_of_all(lines: Sequence[bytes]) -> int:
    """Return the XOR of the lines' hashes; a block of lines takes half of the time of one by one."""
    return reduce(xor, [int.from_bytes(sha256(line).digest()) for line in lines], 0)


def line_of(table: SourceTable) -> str:
    """Return MySQL's expression for the bytes of a row's line, as COPY wrote it."""
    return _line([transfer.value_or_null(column) for column in table.columns])


def hash_of_lines(table: SourceTable) -> str:
    """Return MySQL's aggregate for the XOR of the lines' hashes, in hexadecimal.

    A null where the source allows none leaves its row out, which shows as a difference.
    """
    texts = [transfer.value_or_null(c) if c.is_nullable else transfer.value(c) for c in table.columns]
    return f"hex(bit_xor(unhex(sha2({_line(texts)}, 256))))"


def read_back(connection: Any, table: SourceTable, target: str, part: str = "true") -> Contents:
    """Return what MySQL holds of a table, or of the part of it that meets a condition; `target` is its quoted name."""
    query = f"select count(*), {hash_of_lines(table)} from {target} where {part}"
    return Contents.read(*mysql.ask(connection, query)[0])


def _line(texts: Sequence[str]) -> str:
    # Of bytes, because MySQL would check and count the characters of each part.
    joined = ", _binary',', ".join(texts)
    return f"concat({joined}, _binary'\n')"
