"""Bring the rows of the replica that differ back to what the source holds, key by key, and nothing else."""

import csv
import os
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import transfer
from storeline.replica.source import SourceTable
from storeline.replica.verification import (
    CHANGED,
    EXTRA,
    MISSING,
    Compared,
    Verification,
    compared,
    record,
    verify_table,
)
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
    with compared(settings, [name]) as both:
        found = verify_table(both, name, most_differences=None)
        kinds = Counter(one.kind for one in found.differences)
        counted = Repaired(kinds[MISSING], kinds[CHANGED], kinds[EXTRA])
        if kinds.total() > settings.repair_share_limit * max(found.rows, 1) and not is_all:
            raise StorelineError(
                f"{kinds.total()} of {found.rows} rows of {name} differ, more than REPAIR_SHARE_LIMIT allows: "
                "run replicate_postgres_to_mysql, or repair with --all"
            )
        if kinds and not is_dry:
            _write(both, both.tables[name], found)
            again = verify_table(both, name)
            record(both.target, again)
            if not again.is_equal:
                raise StorelineError(f"{name} still differs after its repair: {again.differences[0]}")
        return counted


def _write(both: Compared, table: SourceTable, found: Verification) -> None:
    """Delete the rows that differ and load the source's in their place, in one transaction."""
    live = f"{mysql.quote(REPLICA.live)}.{mysql.quote(table.name)}"
    where = " and ".join(f"{mysql.quote(name)} = %s" for name in table.key)
    target = both.target
    target.start_transaction()
    try:
        for one in found.differences:
            (values,) = csv.reader([one.key])
            if one.kind != MISSING and mysql.do(target, f"delete from {live} where {where}", tuple(values)) != 1:
                raise StorelineError(f"{table.name}: the row ({one.key}) is no longer there")
        rows, warnings = _load(target, table, live, "".join(found.lines.values()).encode())
        if rows != len(found.lines) or warnings:
            raise StorelineError(f"{table.name}: MySQL took {rows} of {len(found.lines)} rows: nothing was repaired")
        target.commit()
    except BaseException:
        target.rollback()
        raise


def _load(target: object, table: SourceTable, live: str, lines: bytes) -> tuple[int, int]:
    """LOAD DATA from memory; return rows and warnings."""
    read_end, write_end = os.pipe()

    def send() -> None:
        with suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:
            pipe.write(lines)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        cursor = target.cursor()  # type: ignore[attr-defined]
        cursor.execute(transfer.load_statement(table, live, f"/dev/fd/{read_end}"))
        rows, warnings = int(cursor.rowcount), int(cursor.warning_count)
        cursor.close()
        return rows, warnings
    finally:
        os.close(read_end)
        sender.join()
