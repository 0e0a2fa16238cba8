"""The ledger of batch runs in MySQL's `ops`, and a run's report for whatever started it."""

import json
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storeline.stores import mysql

RUN_ID = "[0-9]{8}T[0-9]{6}_[0-9a-f]{6}"  # as a pattern
REPORT_VARIABLE = "STORELINE_RUN_REPORT"


@dataclass
class TableRun:
    """What a run did to one table or mart: a row of `ops.run_tables`, whose columns have the same names."""

    row_count: int
    byte_count: int = 0
    copy_seconds: float = 0.0
    index_seconds: float = 0.0
    check_seconds: float = 0.0  # comparing a copied table with its source; a mart is audited while it is loaded
    content_hash: str | None = None


TableRuns = dict[str, TableRun]  # by the table's or the mart's name


def new_run_id() -> str:
    """Return a unique id that sorts by time, e.g. `20260131T120000_1a2b3c`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def begin(connection: Any, run_id: str, job: str, published: Collection[str]) -> None:
    """Record that a run has begun; the caller holds the job's lock, so runs still marked as running are dead."""
    close_dead(connection, job, published, "its process ended without a report")
    mysql.do(
        connection,
        "insert into ops.runs (run_id, job, state, started_at) values (%s, %s, 'running', utc_timestamp(6))",
        (run_id, job),
    )


def close_dead(connection: Any, job: str, published: Collection[str], why: str) -> None:
    """Record how a job's runs ended that could not do so: one that died after its swap has succeeded."""
    for (run_id,) in mysql.ask(connection, "select run_id from ops.runs where job = %s and state = 'running'", (job,)):
        if run_id in published:
            succeed(connection, run_id)
        else:
            end(connection, run_id, "dead", why)


def succeed(connection: Any, run_id: str) -> None:
    """Record that a run has published, with the sums over the tables that it recorded."""
    mysql.do(
        connection,
        """update ops.runs r join (select count(*) tables_, coalesce(sum(row_count), 0) rows_,
                                          coalesce(sum(byte_count), 0) bytes_
                                   from ops.run_tables where run_id = %s) t
           set state = 'succeeded', ended_at = utc_timestamp(6), message = null,
               r.table_count = tables_, r.row_count = rows_, r.byte_count = bytes_ where run_id = %s""",
        (run_id, run_id),
    )


def end(connection: Any, run_id: str, state: str, message: str) -> None:
    """Record why a running run has ended: `failed`, or `dead` if it could not say so itself."""
    mysql.do(
        connection,
        "update ops.runs set state = %s, ended_at = utc_timestamp(6), message = %s "
        "where run_id = %s and state = 'running'",
        (state, message, run_id),
    )


def record_tables(connection: Any, run_id: str, tables: Mapping[str, TableRun]) -> None:
    """Record each table's numbers, before the tables become visible, and report them."""
    names = ["run_id", "table_name", *(field.name for field in fields(TableRun))]
    statement = f"insert into ops.run_tables ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})"
    for name, table in tables.items():
        mysql.do(connection, statement, (run_id, name, *astuple(table)))
    report(run_id, {name: asdict(table) for name, table in tables.items()})


def report(run_id: str, numbers: Mapping[str, Any]) -> None:
    """Write the numbers as JSON to the file named by STORELINE_RUN_REPORT, if it is set."""
    if path := os.environ.get(REPORT_VARIABLE):
        Path(path).write_text(json.dumps({"run_id": run_id, "tables": numbers}))


def report_refusal(line: str, progress: int | None) -> None:
    """Write there why no run can continue without manual action, and how far the runs have come."""
    if path := os.environ.get(REPORT_VARIABLE):
        Path(path).write_text(json.dumps({"refused": line, "progress": progress}))
