"""What the replica holds now, and whether the stream can continue from it: the copy, its tables, the slot it saw."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection

from storeline.changes.messages import CopyNeededError
from storeline.changes.visibility import Visibility
from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import bases, slot
from storeline.replica.bases import Base
from storeline.replica.source import SourceTable, describe
from storeline.stores import mysql
from storeline.tables import SOURCE_SCHEMA, TABLES

RUN_COPY = "run replicate_postgres_to_mysql"


@dataclass(frozen=True)
class Replica:
    """The replica after a copy, as far as the stream of changes needs to know it."""

    base: Base
    visible: Visibility
    placeholder: str  # stands for a text that a change did not touch
    tables: tuple[SourceTable, ...]


def held(connection: Any) -> Base:
    """Return the copy that the replica holds. Raises CopyNeededError if there is none, or it saw no slot."""
    found = list(bases.current(connection).values())
    if not found:
        raise CopyNeededError(f"the replica is empty: {RUN_COPY} first")
    if len({base.run_id for base in found}) > 1:
        raise CopyNeededError(f"the replica's tables come from several copies: {RUN_COPY}")
    if found[0].capture.slot_id is None:
        raise CopyNeededError(
            f"the copy {found[0].run_id} saw no replication slot, so what changed since then is not known: {RUN_COPY}"
        )
    return found[0]


def check_captured(source: Connection) -> None:
    """Raise CopyNeededError when changes are not captured, or some are lost."""
    with source.cursor() as cursor:
        lost = slot.loss(slot.current(cursor))
    source.rollback()
    if lost:
        raise CopyNeededError(lost)


def check_slot(source: Connection, base: Base) -> str:
    """Return the placeholder of the slot that a copy saw. Raises CopyNeededError when it is no longer in use."""
    with source.cursor() as cursor:
        now = slot.current(cursor)
    source.rollback()
    if now is None or now.slot_id != base.capture.slot_id:
        what = f"changes come from {now.slot_id} now" if now else "none is in use now"
        raise CopyNeededError(
            f"the copy {base.run_id} saw the replication slot {base.capture.slot_id}, but {what}, so some are missing "
            f"between the two: {RUN_COPY}"
        )
    return now.placeholder


def look(connection: Any, source: Connection, base: Base) -> Replica:
    """Return what the replica is after a copy; `connection` holds its lock.

    Raises CopyNeededError when its tables no longer match the source's.
    """
    placeholder = check_slot(source, base)
    names = bases.current(connection).keys()
    tables = []
    for table in TABLES:
        if table.name in names:
            try:
                tables.append(describe(source, SOURCE_SCHEMA, table.name))
            except StorelineError as error:
                raise CopyNeededError(f"{error}; then {RUN_COPY}") from None
            finally:
                source.rollback()
            _check_columns(connection, tables[-1])
    return Replica(base, Visibility.of(base.snapshot), placeholder, tuple(tables))


def _check_columns(connection: Any, table: SourceTable) -> None:
    query = """select column_name, column_type, column_key = 'PRI', is_nullable = 'YES' from information_schema.columns
               where table_schema = %s and table_name = %s"""
    there = {name: tuple(rest) for name, *rest in mysql.ask(connection, query, (REPLICA.live, table.name))}
    wanted = {
        column.name: (column.type.mysql.lower(), int(column.name in table.key), int(column.is_nullable))
        for column in table.columns
    }
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            how = "was added" if name not in there else "was dropped" if name not in wanted else "was changed"
            raise CopyNeededError(f"{table.schema}.{table.name}.{name} {how} after the copy: {RUN_COPY}")
