"""Which transactions a copy's snapshot holds already: exactly these are skipped.

Never by position in the log: a transaction that wrote before the snapshot and committed after it would be lost.
"""

from dataclasses import dataclass
from typing import Self

EPOCH = 1 << 32  # PostgreSQL's log has 32 bits of a transaction's 64


@dataclass(frozen=True)
class Visibility:
    """What `pg_current_snapshot()` says."""

    xmin: int
    xmax: int
    in_progress: frozenset[int]

    @classmethod
    def of(cls, snapshot: str) -> Self:
        """Read a snapshot such as `766:770:766,768`. Raises ValueError."""
        xmin, xmax, in_progress = snapshot.split(":")
        return cls(int(xmin), int(xmax), frozenset(map(int, filter(None, in_progress.split(",")))))

    def sees(self, transaction: int) -> bool:
        """Tell whether a committed transaction, given with all its bits, is part of the snapshot."""
        return transaction < self.xmin or (transaction < self.xmax and transaction not in self.in_progress)


def widen(transaction: int, near: int) -> int:
    """Return a transaction with all its bits: of those with these lower 32 bits, the one nearest to `near`."""
    distance = (transaction - near + EPOCH // 2) % EPOCH - EPOCH // 2
    return max(near + distance, transaction % EPOCH)
