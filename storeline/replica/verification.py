"""Whether the live replica holds what the source holds, down to the key and the column.

Both sides hash the rows of each group of keys; only the rows of groups that differ are compared one by one.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection

from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import applied, bases
from storeline.replica.contents import Contents
from storeline.replica.differences import CHANGED, EXTRA, MISSING, Difference, Verification, confirmed, record
from storeline.replica.key_groups import GROUPS, list_source, list_target, source_groups, target_groups
from storeline.replica.source import SourceTable, describe, quoted
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, postgres
from storeline.tables import SOURCE_SCHEMA, TABLES

ROWS_AT_ONCE = 100_000  # that are compared one by one in memory
MOST_DIFFERENCES = 10_000  # after which a verification looks no further
FIELD = re.compile(r'(?:^|,)("(?:[^"]|"")*"|[^,]*)')


@dataclass(frozen=True)
class Compared:
    """One source snapshot and the replica under its lock.

    With a stream the replica is ahead of its copy, and any of its rows may be behind the snapshot. Then a row counts as
    behind only if it is not visible in `since`, an earlier snapshot that was applied as a whole; without it, none does.
    """

    source: Connection
    target: Any
    tables: dict[str, SourceTable]
    held: dict[str, bases.Base]  # the copy that each table came from
    copied: dict[str, str]  # the hash of each table's contents when it was copied
    snapshot: str
    is_streamed: bool
    since: str | None


@contextmanager
def compared(settings: Settings, names: Collection[str], since: str | None = None) -> Iterator[Compared]:
    """Hold the replica's lock and a source snapshot. Raises StorelineError where a table cannot be compared."""
    with (
        closing(mysql.replicator(settings).connect(allow_local_infile=True)) as target,
        closing(postgres.endless(postgres.reader(settings))) as source,
    ):
        mysql_locks.hold(target, bases.LOCK, settings.lock_wait_seconds)
        held = bases.current(target)
        wanted = list(names) or [table.name for table in TABLES if table.name in held]
        if unknown := [name for name in wanted if name not in held]:
            raise StorelineError(f"the replica has no {unknown[0]}: run replicate_postgres_to_mysql first")
        if not wanted:
            raise StorelineError("the replica is empty: run replicate_postgres_to_mysql first")
        tables = {name: describe(source, SOURCE_SCHEMA, name) for name in wanted}
        source.rollback()
        locked = [quoted(source, SOURCE_SCHEMA, name) for name in wanted]
        snapshot = postgres.take_snapshot(source, locked, settings.lock_wait_seconds)
        origin = (snapshot.system_identifier, snapshot.timeline)
        query = """select b.table_name, b.system_identifier, b.timeline, t.content_hash from ops.bases as b
                   left join ops.run_tables as t using (run_id, table_name) where b.database_name = %s"""
        found = {name: rest for name, *rest in mysql.ask(target, query, (REPLICA.live,))}
        if other := [name for name in wanted if tuple(found[name][:2]) != origin]:
            raise StorelineError(
                f"{other[0]} was copied from another PostgreSQL: run replicate_postgres_to_mysql first"
            )
        copied = {name: str(found[name][2]) for name in wanted}
        is_streamed = applied.has_applied(target, held[wanted[0]].run_id)
        bases_ = {name: held[name] for name in wanted}
        yield Compared(source, target, tables, bases_, copied, snapshot.visible, is_streamed, since)


def verify(settings: Settings, names: Sequence[str] = ()) -> list[Verification]:
    """Compare tables of the replica, all of them by default, and write what was found into `ops.verifications`.

    Raises StorelineError, psycopg2.Error and MySQL's errors when that is impossible; a difference is not an error here.
    """
    with compared(settings, names) as both:
        found = [verify_table(both, name) for name in both.tables]
        if not both.is_streamed or all(one.is_equal for one in found):
            for one in found:
                record(both.target, one)
            return found
    return _verify_again(settings, found, both)


def _verify_again(settings: Settings, found: list[Verification], before: Compared) -> list[Verification]:
    """Compare what differed once more, when the stream has applied what the first snapshot saw; return what is left."""
    applied.catch_up(settings, found[0].run_id)
    differing = [one.table for one in found if not one.is_equal]
    with compared(settings, differing, before.snapshot) as both:
        again = {name: verify_table(both, name) for name in differing}
        for one in found:
            if second := again.get(one.table):
                left = confirmed(one.differences, second.differences)
                one.behind = second.behind + len(second.differences) - len(left)
                one.rows, one.run_id, one.differences = second.rows, second.run_id, left
            record(both.target, one)
    return found


def suspects(settings: Settings, name: str) -> tuple[list[Difference] | None, str | None]:
    """Return what a first look at a table finds, once the stream has applied what was committed, and its snapshot.

    None for a replica without a stream: only the next copy brings its rows.
    """
    with compared(settings, [name]) as both:
        if not both.is_streamed:
            return None, None
        found = verify_table(both, name, most_differences=None)
    if found.differences:
        applied.catch_up(settings, found.run_id)
    return found.differences, both.snapshot


def verify_table(both: Compared, name: str, most_differences: int | None = MOST_DIFFERENCES) -> Verification:
    """Compare one table; stop after `most_differences`, unless that is None."""
    table = both.tables[name]
    with ThreadPoolExecutor(1) as other_side:
        there_later = other_side.submit(target_groups, both.target, table)
        here = source_groups(both.source, table)
        there = there_later.result()
    found = Verification(name, sum(one.rows for one in here.values()), both.held[name].run_id)
    differing = sorted(group for group in here.keys() | there.keys() if here.get(group) != there.get(group))
    # A replica that still holds exactly what was copied is untouched: whatever differs has changed at the source.
    is_untouched = not both.is_streamed and sum(there.values(), Contents()).hexadecimal == both.copied[name]
    rows = max(found.rows, sum(one.rows for one in there.values()))
    at_once = max(1, GROUPS * ROWS_AT_ONCE // max(rows, 1))
    for first in range(0, len(differing), at_once):
        if most_differences is not None and len(found.differences) >= most_differences:
            found.is_cut = True
            break
        compare_rows(both, table, differing[first : first + at_once], is_untouched, found)
    return found


def compare_rows(
    both: Compared, table: SourceTable, groups: Sequence[int], is_untouched: bool, found: Verification
) -> None:
    """Compare the rows of some groups one by one, and add what differs to what was found."""
    since = (both.since or both.snapshot) if both.is_streamed else both.held[table.name].snapshot
    source_rows = list_source(both.source, table, groups, since)
    target_rows = list_target(both.target, table, groups)
    for key in sorted(source_rows.keys() | target_rows.keys()):
        is_newer, line = source_rows.get(key, (False, None))
        other = target_rows.get(key)
        if line == other:
            continue
        if is_untouched or is_newer:
            found.behind += 1
        elif line is None:
            found.differences.append(Difference(key, EXTRA))
        else:
            columns = () if other is None else tuple(differing_columns(table, line, other))
            found.differences.append(Difference(key, CHANGED if columns else MISSING, columns))


def differing_columns(table: SourceTable, line: str, other: str) -> Iterator[str]:
    """Yield the columns in which two lines differ."""
    for column, one, two in zip(table.columns, fields(line), fields(other), strict=True):
        if one != two:
            yield column.name


def fields(line: str) -> list[str]:
    """Return the fields of a line as they are written, quotes included."""
    return FIELD.findall(line.removesuffix("\n"))
