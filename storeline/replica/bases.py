"""Which state of the source the replica holds: the rows of `ops.bases`."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from mysql.connector import Error as DriverError

from storeline.generation import REPLICA
from storeline.replica.capture import NOTHING_SEEN, Capture
from storeline.stores import mysql, mysql_locks
from storeline.stores.postgres import Snapshot

LOCK = f"storeline.{REPLICA.live}"  # of what readers see
COPY_LOCK = f"{LOCK}.copy"  # keeps copies apart, from the first staging table to the last
BASES_LOCK = "storeline.bases"


@dataclass(frozen=True)
class Base:
    """Which state of the source a table of the replica holds, and from where its changes are captured."""

    run_id: str
    snapshot: str
    capture: Capture = NOTHING_SEEN


def current(connection: Any) -> dict[str, Base]:
    """Return the base of every table that the replica holds."""
    query = """select table_name, run_id, snapshot, slot_id, topic_id, next_offset from ops.bases
               where database_name = %s"""
    return {
        name: Base(run_id, snapshot, Capture(*capture))
        for name, run_id, snapshot, *capture in mysql.ask(connection, query, (REPLICA.live,))
    }


def publish(
    connection: Any,
    run_id: str,
    snapshot: Snapshot,
    capture: Capture,
    staged: dict[str, str],
    wait_seconds: float,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Make the staged tables the replica, together with `ops.bases`; a table without a base leaves it.

    `connection` holds the replica's lock. Raises MysqlError; nothing has changed then.
    """
    # Two databases may be copied at the same time; `ops.bases` covers both.
    mysql_locks.hold(connection, BASES_LOCK, wait_seconds)
    try:
        _write_next_bases(connection, run_id, snapshot, capture, staged)
        REPLICA.publish(connection, staged, run_id, wait_seconds, check=check)
    finally:
        with suppress(DriverError):
            mysql_locks.release(connection, BASES_LOCK)


def _write_next_bases(
    connection: Any, run_id: str, snapshot: Snapshot, capture: Capture, staged: dict[str, str]
) -> None:
    following = REPLICA.begin_ledger(connection)
    kept = f"insert into {following} select * from ops.bases where database_name <> %s"
    mysql.do(connection, kept, (REPLICA.live,))
    for name in staged:
        mysql.do(
            connection,
            f"""insert into {following}
                (database_name, table_name, run_id, snapshot, system_identifier, timeline,
                    slot_id, topic_id, next_offset, copied_at)
                values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                REPLICA.live,
                name,
                run_id,
                snapshot.visible,
                snapshot.system_identifier,
                snapshot.timeline,
                capture.slot_id,
                capture.topic_id,
                capture.next_offset,
                snapshot.taken_at,
            ),
        )
