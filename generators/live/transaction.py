"""One transaction of the living shop: what it may ask and write, and the chance that guides it."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from psycopg2.extensions import cursor as Cursor

from generators.words import Vocabulary

# Only the last orders, users and reviews are looked through, so that an action costs the same in a shop of any size.
RECENT = 5000


@dataclass(frozen=True)
class Transaction:
    """An open transaction.

    Rows are taken with SKIP LOCKED or NOWAIT: two shops give way to each other, and a transaction that is kept open
    never stops the others.
    """

    cursor: Cursor
    random: Random
    words: Vocabulary

    def one(self, query: str, **values: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query."""
        self.cursor.execute(query, values)
        return self.cursor.fetchone()

    def all(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        self.cursor.execute(query, values)
        return self.cursor.fetchall()

    def do(self, statement: str, **values: Any) -> None:
        """Execute a statement."""
        self.cursor.execute(statement, values)

    def last(self, table: str, key: str) -> int:
        """Return a table's highest key, 0 when it is empty."""
        row = self.one(f"select coalesce(max({key}), 0) from source.{table}")  # nosec B608
        return int(row[0]) if row else 0

    def somewhere(self, table: str, key: str) -> int:
        """Return a key from the whole table: the row with the next key at or above it is meant."""
        return 1 + int(self.random.random() * self.last(table, key))

    def recently(self, table: str, key: str) -> dict[str, int]:
        """Return where the recent keys begin, and one of them, of which late ones are drawn more often."""
        last = self.last(table, key)
        return {"oldest": last - RECENT, "near": last - int(self.random.random() ** 2 * min(last, RECENT))}


# An action returns whether it found something to do.
Action = Callable[[Transaction], bool]
