"""Whole transactions from a sequence of messages, in which Kafka Connect may repeat what it has sent before.

Transactions follow each other in the order of their commits, never mixed. After a restart Connect resumes at an earlier
position, possibly in the middle of a transaction; what it has sent before comes again in the same order, with the same
numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from storeline.changes.messages import COPY_HELPS, DELETE, Begin, Change, CopyNeededError, End, place


@dataclass
class Open:
    """A transaction whose end has not arrived yet. `order` is the number of its changes so far, without a gap."""

    transaction: int
    is_held: bool  # the copy holds it already
    order: int = 0
    gap: Change | None = None  # the first change after a missing one
    changes: list[Change] = field(default_factory=list)
    size: int = 0

    def add(self, change: Change) -> None:
        """Add a change, unless it is a repeat."""
        if self.is_held or change.order <= self.order:
            return
        if self.gap is not None or change.order > self.order + 1:
            self.gap = self.gap or change
            return
        self.order = change.order
        self.changes.append(change)
        self.size += change.size

    def part(self) -> list[Change]:
        """Return the changes so far and keep none, except a delete that may be the first half of a changed key."""
        kept = self.changes[-1:] if self.changes and self.changes[-1].operation == DELETE else []
        found = self.changes[: len(self.changes) - len(kept)]
        self.changes, self.size = kept, sum(change.size for change in kept)
        return found


@dataclass(frozen=True)
class Whole:
    """A transaction that has ended. Without changes it was skipped: it was applied before, or the copy holds it."""

    end: End
    changes: list[Change]
    is_skipped: bool


class Transactions:
    """Puts transactions together; `last_end` is the position of the last one that was applied."""

    def __init__(self, last_end: int, is_held: Callable[[int], bool]) -> None:
        """Begin between two transactions; `is_held` tells which ones the copy holds already."""
        self.last_end, self.is_held = last_end, is_held
        self.open: Open | None = None

    def take(self, message: Begin | Change | End) -> Whole | None:
        """Return the transaction that ends with a message. Raises CopyNeededError when it is not whole."""
        if self.open is None or self.open.transaction != message.transaction:
            # A transaction that another one interrupts is sent again as a whole: Connect restarted in between.
            self.open = Open(message.transaction, self.is_held(message.transaction))
        if isinstance(message, Change):
            self.open.add(message)
        if not isinstance(message, End):
            return None
        ended, self.open = self.open, None
        if ended.is_held or message.position <= self.last_end:
            return Whole(message, [], is_skipped=True)
        if ended.gap or ended.order != message.changes:
            raise CopyNeededError(
                f"{place(message.offset)} ends transaction {message.transaction} with {message.changes} changes, "
                f"but {ended.order} have arrived without a gap: {COPY_HELPS}"
            )
        self.last_end = message.position
        return Whole(message, ended.changes, is_skipped=False)
