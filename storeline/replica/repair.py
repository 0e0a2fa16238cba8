"""Bring the rows of the replica that differ back to what the source holds, key by key, and nothing else."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import transfer
from storeline.replica.chunk import PIPE_PATH, pump
from storeline.replica.differences import CHANGED, EXTRA, MISSING, Verification, confirmed, record
from storeline.replica.key_groups import key_in_postgres
from storeline.replica.source import SourceTable
from storeline.replica.verification import Compared, compared, suspects, verify_table
from storeline.settings import Settings
from storeline.stores import mysql


@dataclass(frozen=True)
class Repaired:
    """How many rows were inserted, updated and deleted, or would be."""

    inserted: int
    updated: int
    deleted: int


def repair(settings: Settings, name: str, is_dry: bool = False, is_all: bool = False) -> Repaired:
    """Repair a table in one transaction under the replica's lock, and verify it again.

    Raises StorelineError when more than REPAIR_SHARE_LIMIT of its rows differ, unless `is_all`, or when a row cannot be
    repaired; then nothing has changed.
    """
    suspected, since = suspects(settings, name)
    with compared(settings, [name], since) as both:
        found = verify_table(both, name, most_differences=None)
        if suspected is not None:
            found.differences = confirmed(suspected, found.differences)
        kinds = Counter(one.kind for one in found.differences)
        counted = Repaired(kinds[MISSING], kinds[CHANGED], kinds[EXTRA])
        if kinds.total() > settings.repair_share_limit * max(found.rows, 1) and not is_all:
            raise StorelineError(
                f"{kinds.total()} of {found.rows} rows of {name} differ, more than REPAIR_SHARE_LIMIT allows: "
                "run replicate_postgres_to_mysql, or repair with --all"
            )
        if not is_dry:
            if kinds:
                _write(both, both.tables[name], found)
                found = verify_table(both, name)
                if suspected is not None:
                    found.differences = confirmed(suspected, found.differences)
            record(both.target, found)
            if not found.is_equal:
                raise StorelineError(f"{name} still differs after its repair: {found.differences[0]}")
        return counted


def _write(both: Compared, table: SourceTable, found: Verification) -> None:
    """Delete the rows that differ and load the source's in their place, in one transaction."""
    live = REPLICA.published_name(table.name)
    where = " and ".join(f"{mysql.quote(name)} = %s" for name in table.key)
    both.target.start_transaction()
    try:
        for one in found.differences:
            (values,) = csv.reader([one.key])
            if one.kind != MISSING and mysql.do(both.target, f"delete from {live} where {where}", tuple(values)) != 1:
                raise StorelineError(f"{table.name}: the row ({one.key}) is no longer there")
        _load(both, table, live, [one.key for one in found.differences if one.kind != EXTRA])
        both.target.commit()
    except BaseException:
        both.target.rollback()
        raise


def _load(both: Compared, table: SourceTable, live: str, keys: Sequence[str]) -> None:
    """Copy the snapshot's rows of some keys into the live table."""
    if not keys:
        return
    listed = ", ".join(sql.Literal(key).as_string(both.source) for key in keys)
    copy = transfer.copy_rows(both.source, table, f"{key_in_postgres(both.source, table)} in ({listed})")
    sent, rows, warnings = pump(both.source, both.target, copy, transfer.load_statement(table, live, PIPE_PATH))
    if sent.error is not None:
        raise sent.error
    if rows != len(keys) or warnings:
        said = "; ".join(warnings) or "no warning"
        raise StorelineError(f"{table.name}: MySQL took {rows} of {len(keys)} rows ({said}): nothing was repaired")
