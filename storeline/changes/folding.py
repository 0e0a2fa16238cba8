"""The net effect of many changes to a table: for each key its last row, for each column the last value that was sent.

PostgreSQL's log leaves out a long text that a change did not touch (TOAST), and Debezium sends a placeholder for it.
Such a value stays what it was before: in an earlier change, or in the replica.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from storeline.changes.messages import (
    COPY_HELPS,
    DELETE,
    TRUNCATE,
    UPDATE,
    Change,
    CopyNeededError,
    Row,
    place,
)
from storeline.replica.source import SourceTable

Key = tuple[str, ...]  # its columns as the texts that are sent


@dataclass(frozen=True)
class NewRow:
    """A row after the changes: the texts of its columns, except those that keep their value from the row `origin`."""

    texts: dict[str, str]
    origin: Key | None  # its key in the replica before these changes


@dataclass
class TableChanges:
    """The changes of a table, folded: whether it was emptied, and for each key what is there in the end."""

    table: SourceTable
    placeholder: str
    is_emptied: bool = False
    rows: dict[Key, NewRow | None] = field(default_factory=dict)  # None for a key without a row
    _deleted: tuple[Change, Key, NewRow | None] | None = None  # the change before, if it deleted a row

    def __post_init__(self) -> None:
        self._columns: dict[str, tuple[Callable[[Any], str], bool]] = {
            column.name: (column.type.received, column.is_nullable) for column in self.table.columns
        }

    def add(self, change: Change) -> None:
        """Add the next change of the table. Raises CopyNeededError when the replica's table cannot hold it."""
        deleted, self._deleted = self._deleted, None
        if change.operation == TRUNCATE:
            self.is_emptied = True
            self.rows.clear()
        elif change.operation == DELETE:
            key = self._key(change, change.before or {})
            self._deleted = (change, key, self._before(key))
            self.rows[key] = None
        else:
            texts = self._texts(change, change.after or {})
            key = tuple(texts[name] for name in self.table.key)
            before = self._before(key) if change.operation == UPDATE else self._moved(change, deleted)
            self.rows[key] = self._merged(change, texts, before)

    def _before(self, key: Key) -> NewRow | None:
        """Return the row as it is before a change; one that no change has touched is in the replica."""
        if key in self.rows:
            return self.rows[key]
        return None if self.is_emptied else NewRow({}, key)

    def _moved(self, change: Change, deleted: tuple[Change, Key, NewRow | None] | None) -> NewRow | None:
        """Return the row whose key this changes, if it is the second half of that: the row was deleted right before."""
        if deleted is None:
            return None
        last, _, row = deleted
        return row if (last.transaction, last.order + 1) == (change.transaction, change.order) else None

    def _merged(self, change: Change, texts: dict[str, str], before: NewRow | None) -> NewRow:
        if len(texts) == len(self._columns):
            return NewRow(texts, None)
        if before is None:
            missing = ", ".join(name for name in self._columns if name not in texts)
            raise self._refusal(change, f"has no value for {missing}, and there is no earlier row to keep it from")
        merged = before.texts | texts
        return NewRow(merged, None if len(merged) == len(self._columns) else before.origin)

    def _texts(self, change: Change, row: Row) -> dict[str, str]:
        """Return the texts of the values that a change brings."""
        if row.keys() != self._columns.keys():
            raise self._refusal(change, self._other_columns(row))
        found = {}
        for name, value in row.items():
            text_of, is_nullable = self._columns[name]
            if value is None and is_nullable:
                found[name] = "NULL"
            elif value != self.placeholder:
                try:
                    found[name] = text_of(value)
                except ValueError as error:
                    said = f"has a value for {name} that the replica cannot hold ({error})"
                    raise self._refusal(change, said) from None
        if any(name not in found for name in self.table.key):
            raise self._refusal(change, f"has no value for its key ({', '.join(self.table.key)})")
        return found

    def _key(self, change: Change, row: Row) -> Key:
        """Return the key of a row, which may be all that the log has of it."""
        try:
            return tuple(self._columns[name][0](row[name]) for name in self.table.key)
        except (ValueError, KeyError):
            names = ", ".join(self.table.key)
            raise self._refusal(
                change, f"has no value for its key ({names}): its replica identity must include it"
            ) from None

    def _other_columns(self, row: Row) -> str:
        if more := sorted(row.keys() - self._columns.keys()):
            return f"has the column {more[0]}, which the replica's table lacks"
        lacking = sorted(self._columns.keys() - row.keys())
        return f"has no column {lacking[0]}, which the replica's table has"

    def _refusal(self, change: Change, said: str) -> CopyNeededError:
        where = f"{place(change.offset)}: a row of {self.table.schema}.{self.table.name}"
        return CopyNeededError(f"{where} {said}: {COPY_HELPS}".encode(errors="replace").decode())


class Folding:
    """The changes of several whole transactions, or of a part of one, by table."""

    def __init__(self, tables: Iterable[SourceTable], placeholder: str) -> None:
        self.tables = {table.name: table for table in tables}
        self.schemas = {table.schema for table in self.tables.values()}
        self.placeholder = placeholder
        self.changed: dict[str, TableChanges] = {}

    def add(self, changes: Iterable[Change]) -> None:
        """Add changes in their order. Raises CopyNeededError for one that the replica cannot hold."""
        for change in changes:
            found = self.changed.get(change.table)
            if change.schema not in self.schemas:
                continue  # captured for something else
            if found is None:
                if change.table not in self.tables:
                    name = f"{change.schema}.{change.table}".encode(errors="replace").decode()
                    raise CopyNeededError(
                        f"{place(change.offset)}: the replica has no table {name}: {COPY_HELPS}; if "
                        "storeline/tables.py does not name it, start the capture again first"
                    )
                found = TableChanges(self.tables[change.table], self.placeholder)
                self.changed[change.table] = found
            found.add(change)
