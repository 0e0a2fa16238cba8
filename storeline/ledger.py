"""The ledger of batch runs in MySQL's `ops`, and the report of a run for whoever started it."""

import json
import os
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storeline import mysql

REPORT_VARIABLE = "STORELINE_RUN_REPORT"


def new_run_id() -> str:
    """Return an id that sorts by time and no other run has, e.g. `20260131T120000_1a2b3c`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}_{secrets.token_hex(3)}"


def begin(connection: Any, run_id: str, job: str) -> None:
    """Write that a run has begun; the caller holds the job's lock, so runs that seem to run are dead."""
    mysql.do(
        connection,
        "update ops.runs set state = 'dead', ended_at = utc_timestamp(6) where job = %s and state = 'running'",
        (job,),
    )
    mysql.do(
        connection,
        "insert into ops.runs (run_id, job, state, started_at) values (%s, %s, 'running', utc_timestamp(6))",
        (run_id, job),
    )


def succeed(connection: Any, run_id: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write that a run has ended well, with the sums over its tables."""
    rows = sum(int(t.get("row_count", 0)) for t in tables.values())
    sent = sum(int(t.get("byte_count", 0)) for t in tables.values())
    mysql.do(
        connection,
        "update ops.runs set state = 'succeeded', ended_at = utc_timestamp(6), table_count = %s, row_count = %s, "
        "byte_count = %s where run_id = %s",
        (len(tables), rows, sent, run_id),
    )


def fail(connection: Any, run_id: str, message: str) -> None:
    """Write why a run has failed."""
    mysql.do(
        connection,
        "update ops.runs set state = 'failed', ended_at = utc_timestamp(6), message = %s where run_id = %s",
        (message, run_id),
    )


def record_table(connection: Any, run_id: str, table: str, numbers: Mapping[str, Any]) -> None:
    """Write a table's numbers; they stand there before the table becomes visible."""
    names = ", ".join(mysql.quote(name) for name in numbers)
    marks = ", ".join(["%s"] * len(numbers))
    mysql.do(
        connection,
        f"insert into ops.run_tables (run_id, table_name, {names}) values (%s, %s, {marks})",
        (run_id, table, *numbers.values()),
    )


def report(run_id: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the numbers as JSON to the file named by STORELINE_RUN_REPORT, where it is set."""
    if path := os.environ.get(REPORT_VARIABLE):
        Path(path).write_text(json.dumps({"run_id": run_id, "tables": tables}))


def report_refusal(line: str, progress: int | None) -> None:
    """Write there why no run can go on without a hand, and how far the runs have come."""
    if path := os.environ.get(REPORT_VARIABLE):
        Path(path).write_text(json.dumps({"refused": line, "progress": progress}))
