"""How the marts become visible, all at once, and how the previous generation of all of them is restored."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from storeline.generation import MARTS
from storeline.ledger import TableRun
from storeline.marts import views
from storeline.marts.contract import Mart
from storeline.replica.bases import Base
from storeline.stores import mysql, mysql_locks

LOCK = f"storeline.{MARTS.live}"


def publish(
    connection: Any,
    run_id: str,
    marts: tuple[Mart, ...],
    staged: dict[str, str],
    built: Mapping[str, TableRun],
    bases: Mapping[str, Base],
    wait_seconds: float,
    check: Callable[[], None] = lambda: None,
    *,
    changes: int = 0,
) -> None:
    """Make the staged marts live, all at once, including their views and `ops.mart_builds`.

    `changes` is how many the stream had applied to the replica when it was read. `connection`
    holds the marts' lock. Raises MysqlError; nothing has changed then.
    """
    following = MARTS.begin_ledger(connection)
    by_name = {mart.name: mart for mart in marts}
    for name, mart in built.items():
        read = {
            table: {"generation": bases[table].run_id, "snapshot": bases[table].snapshot, "changes": changes}
            for table in sorted(_tables_behind(by_name[name], by_name))
        }
        mysql.do(
            connection,
            f"insert into {following} (mart, run_id, row_count, built_at, source_snapshots) "
            "values (%s, %s, %s, utc_timestamp(6), %s)",
            (name, run_id, mart.row_count, json.dumps(read)),
        )
    MARTS.publish(connection, staged, run_id, wait_seconds, views.moves(connection, marts, run_id), check)


def _tables_behind(mart: Mart, marts: Mapping[str, Mart]) -> set[str]:
    """Return the replica's tables that a mart is built from, including through other marts."""
    return {table for name in mart.reads for table in (_tables_behind(marts[name], marts) if name in marts else {name})}


def rollback(connection: Any, wait_seconds: float) -> None:
    """Exchange the live marts with the previous generation, all at once; a second call brings them forward again.

    Raises MysqlError when there is no previous generation, or a reader is in the way; nothing has changed then.
    """
    mysql_locks.hold(connection, LOCK, wait_seconds)
    MARTS.exchange(connection, wait_seconds, views.before_a_rollback(connection))
    views.drop_left_overs(connection)
