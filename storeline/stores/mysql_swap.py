"""How tables of MySQL are swapped in one statement although they are in use, and how leftovers are dropped."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from storeline.errors import one_line
from storeline.stores.mysql import MysqlError, do, quote
from storeline.stores.mysql_sessions import describe_connection, kill, lock_holders

LOCK_WAIT_SECONDS_OF_A_SWAP = 2  # new readers queue behind a waiting RENAME, so each try is short

Move = tuple[tuple[str, str], tuple[str, str]]  # (database, name) before and after


def mark_loaded(connection: Any, table: str) -> None:
    """Change a table's definition after its last row and its last index; `table` is a quoted name.

    A reader whose transaction began during the load then gets error 1412 after the swap instead of part of the rows.
    Adding an index does not do that for a reader that uses the primary key.
    """
    for change in ("add column storeline_loaded tinyint", "drop column storeline_loaded"):
        do(connection, f"alter table {table} {change}, algorithm=instant")


def drop_tables(connection: Any, database: str, names: Iterable[str]) -> None:
    """Drop what dead runs left, and end this account's own connections that still use it."""
    doomed = sorted(names)
    if not doomed:
        return
    for number in lock_holders(connection, [(database, name) for name in doomed]):
        try:
            kill(connection, number)
        except mysql.connector.Error:
            raise MysqlError(
                f"{describe_connection(connection, number)} uses a table of {database} that is to be dropped"
            ) from None
    do(connection, "drop table if exists " + ", ".join(f"{quote(database)}.{quote(name)}" for name in doomed))


def swap(connection: Any, moves: Sequence[Move], wait_seconds: float, check: Callable[[], None] = lambda: None) -> None:
    """Rename tables, and views within their database, in one statement: all of them or none.

    `check` is called right before each try, and raises if the tables must no longer be swapped.
    Raises MysqlError that names the blocking connection when readers kept a table for `wait_seconds`.
    """
    renames = ", ".join(f"{quote(old[0])}.{quote(old[1])} to {quote(new[0])}.{quote(new[1])}" for old, new in moves)
    do(connection, f"set session lock_wait_timeout = {LOCK_WAIT_SECONDS_OF_A_SWAP}")
    deadline, pause = time.monotonic() + wait_seconds, 0.5
    while True:
        check()
        try:
            do(connection, f"rename table {renames}")
            return
        except mysql.connector.Error as error:
            if error.errno != errorcode.ER_LOCK_WAIT_TIMEOUT:
                raise MysqlError(f"the swap failed: {one_line(error)}") from None
        in_the_way = lock_holders(connection, [old for old, _ in moves])
        if time.monotonic() + pause > deadline:
            named = "; ".join(describe_connection(connection, n) for n in in_the_way) or "a connection that has ended"
            raise MysqlError(
                f"the swap waited {wait_seconds:g} s for readers: {named} holds a transaction open; "
                "nothing was changed, end that transaction and run again"
            )
        time.sleep(pause)
        pause = min(pause * 2, 10)
