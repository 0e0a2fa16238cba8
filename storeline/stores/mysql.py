"""MySQL: its logins, its locks, and how tables are swapped in one statement."""

import socket
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from storeline.accounts import MYSQL_ADMIN, MYSQL_ANALYST, MYSQL_GRAFANA, MYSQL_MART_BUILDER, MYSQL_REPLICATOR, Account
from storeline.errors import StorelineError, one_line
from storeline.settings import Settings
from storeline.variables import Secret

# A connection that holds a lock idles while executors work, and a load waits for PostgreSQL's data.
TIME_OUTS = {"wait_timeout": 2147483, "net_read_timeout": 600, "net_write_timeout": 600}  # the first fits any platform
LOCK_WAIT_SECONDS_OF_A_SWAP = 2  # new readers queue behind a waiting RENAME, so each try is short

TABLE, VIEW, ANY_KIND = "BASE TABLE", "VIEW", "%"  # as in information_schema
Move = tuple[tuple[str, str], tuple[str, str]]  # (database, name) before and after


class MysqlError(StorelineError):
    """MySQL cannot be used as asked; the message is one line that says where and why."""


@dataclass(frozen=True)
class Login:
    """Where an account logs in; it can be sent to another process and does not show its password."""

    host: str
    port: int
    user: str
    password: Secret = field(repr=False)

    def connect(self, **options: Any) -> Any:
        """Open a connection in UTC with strict mode. Raises MysqlError when the server rejects it."""
        try:
            return mysql.connector.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=str(self.password),
                charset="utf8mb4",
                collation="utf8mb4_0900_bin",
                time_zone="+00:00",
                sql_mode="TRADITIONAL",
                connection_timeout=10,
                init_command=f"set session {', '.join(f'{name} = {value}' for name, value in TIME_OUTS.items())}",
                **{"autocommit": True, **options},
            )
        except mysql.connector.Error as error:
            raise MysqlError(f"MySQL at {self.host}:{self.port} as {self.user}: {one_line(error)}") from None


def login(settings: Settings, account: Account) -> Login:
    """Return an account's login."""
    return Login(settings.mysql_host, settings.mysql_port, settings.user(account), settings.password(account))


def admin(settings: Settings) -> Login:
    """Return the login of the account that creates databases, accounts and grants."""
    return login(settings, MYSQL_ADMIN)


def replicator(settings: Settings) -> Login:
    """Return the login of the copy."""
    return login(settings, MYSQL_REPLICATOR)


def mart_builder(settings: Settings) -> Login:
    """Return the login of the job that builds the marts."""
    return login(settings, MYSQL_MART_BUILDER)


def analyst(settings: Settings) -> Login:
    """Return the login that may only read: replica, marts and ledger."""
    return login(settings, MYSQL_ANALYST)


def grafana(settings: Settings) -> Login:
    """Return the login that Grafana's boards read with."""
    return login(settings, MYSQL_GRAFANA)


def quote(name: str) -> str:
    """Return a name quoted for MySQL, whatever it contains."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Return a string literal, for places where MySQL takes no parameter (comments)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def ask(connection: Any, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return a query's rows."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def do(connection: Any, statement: str, parameters: tuple[Any, ...] = ()) -> int:
    """Execute a statement and return the number of rows that it changed."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def naming(connection: Any) -> Callable[[str], str]:
    """Return a function that makes names equal which this server treats as one; it may fold names to lower case."""
    (is_folded,) = ask(connection, "select @@lower_case_table_names")[0]
    return str.lower if is_folded else str


def tables_of(connection: Any, database: str, kind: str = TABLE) -> set[str]:
    """Return the names of a database's tables, or of other objects of `kind`, as this server writes them."""
    query = "select table_name from information_schema.tables where table_schema = %s and table_type like %s"
    return {name for (name,) in ask(connection, query, (database, kind))}


def present(connection: Any, database: str, names: Collection[str], kind: str = TABLE) -> set[str]:
    """Return which of the names the database has, written as given."""
    fold = naming(connection)
    there = {fold(name) for name in tables_of(connection, database, kind)}
    return {name for name in names if fold(name) in there}


def hold(connection: Any, lock: str, wait_seconds: float) -> None:
    """Take a named lock, which ends with the connection. Raises MysqlError that names the holder."""
    if ask(connection, "select get_lock(%s, %s)", (lock, wait_seconds))[0][0] == 1:
        return
    number = holder(connection, lock)
    raise MysqlError(
        f"the lock {lock} was not free for {wait_seconds:g} s: "
        f"{describe_connection(connection, number)} holds it; wait for that job or end it"
    )


def release(connection: Any, lock: str) -> None:
    """Release a named lock before the connection ends."""
    ask(connection, "select release_lock(%s)", (lock,))


def holder(connection: Any, lock: str) -> int | None:
    """Return the connection that holds a named lock."""
    number = ask(connection, "select is_used_lock(%s)", (lock,))[0][0]
    return None if number is None else int(number)


def sessions_with(connection: Any, attribute: str) -> dict[int, str]:
    """Return this account's other connections that set an attribute, and its values."""
    query = """select processlist_id, attr_value from performance_schema.session_account_connect_attrs
               where attr_name = %s and processlist_id <> connection_id()"""
    return {int(number): str(value) for number, value in ask(connection, query, (attribute,))}


def end_sessions_of_process(connection: Any, pid: int) -> None:
    """End this account's other connections from a process on this machine."""
    numbers, hosts = sessions_with(connection, "_pid"), sessions_with(connection, "_source_host")
    for number, value in numbers.items():
        if value == str(pid) and hosts.get(number) == socket.gethostname():
            kill(connection, number)


def kill(connection: Any, number: int) -> None:
    """End a connection, which may already have ended."""
    try:
        do(connection, f"kill {number:d}")
    except mysql.connector.Error as error:
        if error.errno != errorcode.ER_NO_SUCH_THREAD:
            raise


def integer_key(connection: Any, database: str, table: str) -> str | None:
    """Return the column that alone is the primary key and is a whole number, or None."""
    query = """select column_name, data_type from information_schema.columns
               where table_schema = %s and table_name = %s and column_key = 'PRI'"""
    key = ask(connection, query, (database, table))
    return str(key[0][0]) if len(key) == 1 and key[0][1] in ("int", "bigint") else None


def data_bytes(connection: Any, database: str, table: str | None = None) -> int:
    """Return the current size of a table's rows, or of a whole database's, as InnoDB estimates it."""
    # Otherwise MySQL repeats its first answer for a day, about the table that had the name then.
    do(connection, "set session information_schema_stats_expiry = 0")
    query = """select coalesce(sum(data_length), 0) from information_schema.tables
               where table_schema = %s and table_name = coalesce(%s, table_name)"""
    return int(ask(connection, query, (database, table))[0][0])


def mark_loaded(connection: Any, table: str) -> None:
    """Change a table's definition after its last row and its last index; `table` is a quoted name.

    A reader whose transaction began during the load then gets error 1412 after the swap instead of part of the rows.
    Adding an index does not do that for a reader that uses the primary key.
    """
    for change in ("add column storeline_loaded tinyint", "drop column storeline_loaded"):
        do(connection, f"alter table {table} {change}, algorithm=instant")


def describe_connection(connection: Any, number: int | None) -> str:
    """Return a description of a connection: its number, account and activity."""
    query = """select processlist_user, processlist_host, processlist_command, processlist_time
               from performance_schema.threads where processlist_id = %s"""
    found = ask(connection, query, (number,)) if number else []
    if not found:
        return f"connection {number or 'unknown'}"
    user, host, command, seconds = found[0]
    return f"connection {number} ({user}@{host}, {command}, {seconds} s)"


def lock_holders(connection: Any, tables: Iterable[tuple[str, str]]) -> list[int]:
    """Return the connections that use any of the tables (database, name), except this one."""
    fold = naming(connection)
    wanted = {(fold(database), fold(name)) for database, name in tables}
    query = """select object_schema, object_name, processlist_id
               from performance_schema.metadata_locks join performance_schema.threads on thread_id = owner_thread_id
               where object_type = 'TABLE' and lock_status = 'GRANTED' and processlist_id <> connection_id()"""
    return sorted(
        {number for database, name, number in ask(connection, query) if (fold(database), fold(name)) in wanted}
    )


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

    `check` is called right before each try, and raises if the tables must no longer change over.
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
