"""The text format of PostgreSQL's COPY: how text is written in it.

Source: https://www.postgresql.org/docs/18/sql-copy.html, "Text Format".
"""

from collections.abc import Iterable
from typing import Any

NULL = r"\N"
ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def line(columns: Iterable[Any]) -> str:
    """Return a line without its line end; None becomes null."""
    return "\t".join([NULL if column is None else escaped(str(column)) for column in columns])


def escaped(text: str) -> str:
    """Return text as it is written between two tabs."""
    is_plain = text.isprintable() and "\\" not in text
    return text if is_plain else text.translate(ESCAPES)
