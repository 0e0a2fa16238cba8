"""How far the stream of changes has brought the replica since its copy, and how to wait until it has caught up."""

import time
from contextlib import closing
from typing import Any

from storeline.errors import StorelineError
from storeline.settings import Settings
from storeline.stores import mysql, postgres

STREAM = "stream_changes"
# A copy that has caught up holds what was applied before it went live.
SINCE = """select last_end from ops.stream_positions
    where stream = %s and %s in (base_run_id, caught_up_run_id) and last_end > 0"""
SECONDS_BETWEEN_LOOKS = 0.2


def has_applied(connection: Any, run_id: str) -> bool:
    """Tell whether the stream has applied anything to the copy of a run."""
    return bool(mysql.ask(connection, SINCE, (STREAM, run_id)))


def catch_up(settings: Settings, run_id: str) -> None:
    """Wait until everything committed by now is applied, or another copy is live. Raises StorelineError."""
    position = _mark(settings)
    deadline = time.monotonic() + settings.lock_wait_seconds
    with closing(mysql.replicator(settings).connect()) as connection:
        while (rows := mysql.ask(connection, SINCE, (STREAM, run_id))) and rows[0][0] <= position:
            if time.monotonic() > deadline:
                raise StorelineError(
                    f"the stream of changes took more than {settings.lock_wait_seconds} s to apply what was committed: "
                    "see `storeline lag`, or run replicate_postgres_to_mysql"
                )
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _mark(settings: Settings) -> int:
    """Return the log's position now, and commit a transaction after it, so that the stream gets past it."""
    with closing(postgres.reader(settings).connect()) as connection, connection, connection.cursor() as cursor:
        # The position is read first; what is visible in an earlier snapshot was written before it.
        cursor.execute("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
        (position,) = cursor.fetchone() or (0,)
        cursor.execute("select pg_logical_emit_message(true, 'storeline', '')")
    return int(position)
