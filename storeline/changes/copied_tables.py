"""Tables of a copy to which whole transactions are applied: the live ones by the stream, staged ones by the next copy.

A transaction that is too large for memory is written in parts, and committed once its end has arrived.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from storeline.changes import position
from storeline.changes.folding import Folding
from storeline.changes.messages import Begin, Change, End, Said
from storeline.changes.position import Position
from storeline.changes.starting_point import Replica
from storeline.changes.transactions import Transactions, Whole
from storeline.changes.visibility import widen
from storeline.changes.writing import write

MOST_OPEN_BYTES = 16 << 20  # of an open transaction's messages that are kept in memory


class CopiedTables(ABC):
    """Takes messages in their order. `applied` counts the changes that it has committed."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.position = Position()
        self.replica: Replica | None = None
        self.transactions = Transactions(0, self.is_held)
        self.written = 0  # changes of the open transaction that are written, but not committed
        self.read_to = 0  # the next offset to take
        self.applied = 0

    @abstractmethod
    def store(self, new: Position) -> None:
        """Commit what is written, and with it the position."""

    @abstractmethod
    def fence(self) -> None:
        """Begin a transaction, if none has begun. Raises StorelineError when this process may no longer write."""

    @abstractmethod
    def name_of(self, table: str) -> str:
        """Return the quoted name of the table to which a table's changes are applied."""

    def continue_from(self, new: Position) -> None:
        """Take messages from a position on."""
        self.position = new
        self.transactions = Transactions(new.last_end, self.is_held)
        self.read_to = new.next_offset

    def is_held(self, transaction: int) -> bool:
        """Tell whether the copy holds a transaction."""
        wide = widen(transaction, self.position.last_transaction)
        return self.replica is not None and self.replica.visible.sees(wide)

    def apply(self, said: list[Said]) -> None:
        """Apply what messages say: the whole transactions that end in them. What remains open is kept."""
        whole = self.put_together([what for _, what in said if what is not None])
        self.read_to = said[-1][0] + 1
        self.finish(whole)

    def put_together(self, said: Sequence[Begin | Change | End]) -> list[Whole]:
        """Return the transactions that end, in order; one that is too large for memory is written along the way."""
        whole: list[Whole] = []
        for one in said:
            before = self.transactions.open
            ended = self.transactions.take(one)
            if self.written and before is not None and self.transactions.open is not before:
                is_its_end = ended is not None and ended.end.transaction == before.transaction
                self.end_large(ended if is_its_end else None)
                ended = None if is_its_end else ended
            if ended is not None:
                whole.append(ended)
            now = self.transactions.open
            if now is not None and now.size >= MOST_OPEN_BYTES:
                self.finish(whole)
                whole = []
                part = now.part()
                self.write(part)
                self.written += len(part)
        return whole

    def end_large(self, ended: Whole | None) -> None:
        """Commit the transaction whose first parts are written, or undo them if it is a repeat or is sent again."""
        written, self.written = self.written, 0
        if ended is None or ended.is_skipped:
            self.connection.rollback()
        if ended is not None:
            self.write(ended.changes)
            changes = 0 if ended.is_skipped else written + len(ended.changes)
            self.store(self.after([ended], ended.end.offset + 1, changes))

    def finish(self, whole: list[Whole]) -> None:
        """Write whole transactions and commit them with the position, unless a large one is written only in part."""
        if self.written:
            return
        changes = [change for one in whole for change in one.changes]
        self.write(changes)
        end = whole[-1].end.offset + 1 if whole else self.position.next_offset
        if self.transactions.open is None:
            end = max(end, self.read_to)
        if end > self.position.next_offset:
            self.store(self.after(whole, end, len(changes)))

    def after(self, whole: list[Whole], next_offset: int, changes: int) -> Position:
        """Return the position after some transactions, of which `changes` had to be applied."""
        self.applied += changes
        last = self.position.last_transaction
        for one in whole:
            last = max(last, widen(one.end.transaction, last))
        new = replace(
            self.position,
            next_offset=next_offset,
            last_transaction=last,
            last_end=self.transactions.last_end,
            changes=self.position.changes + changes,
        )
        return replace(new, committed_at=position.moment(whole[-1].end.milliseconds)) if whole else new

    def write(self, changes: list[Change]) -> None:
        """Write changes without committing them."""
        if changes and self.replica is not None:
            folding = Folding(self.replica.tables, self.replica.placeholder)
            folding.add(changes)
            self.fence()
            for changed in folding.changed.values():
                write(self.connection, changed, self.name_of(changed.table.name))
