"""Rows as columns: the kinds of values in a generated table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from generators import copy_text
from generators.copy_text import Cells
from generators.draw import Bools, Ints


class Column(Protocol):
    """A column with one value per row of its block."""

    def cells(self) -> Cells:
        """Return the values as text for COPY."""
        ...


@dataclass(frozen=True, eq=False)
class Whole:
    """Integers; null where unknown."""

    values: Ints
    is_known: Bools | None = None

    def cells(self) -> Cells:
        """Return the values as text for COPY."""
        return copy_text.nulled(copy_text.whole(self.values), self.is_known)


@dataclass(frozen=True, eq=False)
class Money:
    """Non-negative amounts in cents."""

    cents: Ints

    def cells(self) -> Cells:
        """Return the amounts in dollars with two decimals."""
        dollars, rest = copy_text.whole(self.cents // 100), copy_text.digits_of(self.cents % 100, 2)
        return np.hstack((dollars, copy_text.same(b".", len(self.cents)), rest))


@dataclass(frozen=True, eq=False)
class Moment:
    """Timestamps in microseconds since 1970 (UTC); null where unknown."""

    micros: Ints
    is_known: Bools | None = None

    def cells(self) -> Cells:
        """Return the timestamps as ISO text."""
        return copy_text.nulled(copy_text.moments(self.micros), self.is_known)


class Pool:
    """Texts to pick from by position."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def cells(self) -> Cells:
        """Return the texts escaped for COPY."""
        return copy_text.texts(self.texts)


@dataclass(frozen=True, eq=False)
class Words:
    """Texts picked from a pool."""

    pool: Pool
    positions: Ints

    def cells(self) -> Cells:
        """Return the picked texts as text for COPY."""
        return self.pool.cells[self.positions]

    def texts(self) -> list[str]:
        """Return the picked texts themselves."""
        return [self.pool.texts[position] for position in self.positions]


@dataclass(frozen=True, eq=False)
class Text:
    """Texts concatenated from parts; a plain string is the same in every row. Null where unknown."""

    parts: tuple[Words | Whole | str, ...]
    is_known: Bools | None = None

    def cells(self) -> Cells:
        """Return the concatenated parts."""
        made = [part if isinstance(part, str) else part.cells() for part in self.parts]
        count = next(len(cells) for cells in made if not isinstance(cells, str))
        cells = [copy_text.same(copy_text.escaped(m), count) if isinstance(m, str) else m for m in made]
        return copy_text.nulled(np.hstack(cells), self.is_known)


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a table."""

    table: str
    count: int
    columns: Mapping[str, Column]

    def copy_text(self) -> bytes:
        """Return the rows as COPY reads them."""
        return copy_text.rows_of([column.cells() for column in self.columns.values()]) if self.count else b""
