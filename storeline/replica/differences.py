"""What a verification finds of a table: the keys that differ and how, for people and for `ops.verifications`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from storeline.stores import mysql

MISSING, EXTRA, CHANGED = "missing", "extra", "changed"


@dataclass(frozen=True)
class Difference:
    """A key whose row is missing in the replica, extra there, or has other values in some columns."""

    key: str
    kind: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} ({self.key}){': ' + ', '.join(self.columns) if self.columns else ''}"


def confirmed(first: Iterable[Difference], second: Iterable[Difference]) -> list[Difference]:
    """Return what a second look found of what the first one had, when the stream has applied what the first one saw.

    A row that only the second look finds extra was deleted in between, and the stream has yet to apply that.
    """
    kinds = {one.key: one.kind for one in first}
    return [one for one in second if one.key in kinds and (one.kind != EXTRA or kinds[one.key] == EXTRA)]


@dataclass
class Verification:
    """What was found of a table. `behind` counts the keys that the source has changed since the copy."""

    table: str
    rows: int
    run_id: str  # of the copy that the replica held
    differences: list[Difference] = field(default_factory=list)
    behind: int = 0
    is_cut: bool = False  # more may differ: it looked no further

    @property
    def is_equal(self) -> bool:
        """Tell whether the replica holds nothing that it should not, and lacks nothing."""
        return not self.differences

    @property
    def counted(self) -> str:
        """Return how many keys differ, or at least how many."""
        return f"{'at least ' if self.is_cut else ''}{len(self.differences):,}"

    def lines(self, limit: int) -> Iterator[str]:
        """Yield a line for each key that differs, up to a limit, and how many more there are."""
        for difference in self.differences[:limit]:
            yield f"{self.table}: {difference}"
        if (more := len(self.differences) - limit) > 0:
            yield f"{self.table}: and {'at least ' if self.is_cut else ''}{more:,} more"


def record(target: Any, found: Verification) -> None:
    """Write what was found of a table."""
    mysql.do(
        target,
        """insert into ops.verifications (table_name, verified_at, run_id, row_count, differing, behind, first_key)
           values (%s, utc_timestamp(6), %s, %s, %s, %s, %s)""",
        (
            found.table,
            found.run_id,
            found.rows,
            len(found.differences),
            found.behind,
            str(found.differences[0])[:255] if found.differences else None,
        ),
    )
