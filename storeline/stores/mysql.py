"""MySQL: its logins, its statements, and what its databases hold."""

from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import mysql.connector
from mysql.connector import errorcode

from storeline.accounts import (
    MYSQL_ADMIN,
    MYSQL_ANALYST,
    MYSQL_GRAFANA,
    MYSQL_MART_BUILDER,
    MYSQL_REPLICATOR,
    MYSQL_WATCHER,
    Account,
)
from storeline.errors import Refusal, StorelineError, one_line
from storeline.settings import Settings
from storeline.stores import mysql_encryption
from storeline.variables import Secret

# A connection that holds a lock idles while executors work, and a load waits for PostgreSQL's data.
TIME_OUTS = {"wait_timeout": 2147483, "net_read_timeout": 600, "net_write_timeout": 600}  # the first fits any platform

TABLE, VIEW, ANY_KIND = "BASE TABLE", "VIEW", "%"  # as in information_schema


class MysqlError(StorelineError):
    """MySQL cannot be used as asked; the message is one line that says where and why."""


class MysqlRefusal(MysqlError, Refusal):
    """MySQL answers but does not let this account in: waiting does not help."""


REFUSED = {errorcode.ER_ACCESS_DENIED_ERROR, errorcode.ER_DBACCESS_DENIED_ERROR, errorcode.ER_BAD_DB_ERROR}


@dataclass(frozen=True)
class Login:
    """Where an account logs in; it can be sent to another process and does not show its password."""

    host: str
    port: int
    user: str
    password: Secret = field(repr=False)

    def connect(self, **options: Any) -> Any:
        """Open a connection in UTC with strict mode; on this machine it is plain if the server allows it.

        Raises MysqlError when the server rejects it.
        """
        try:
            return mysql_encryption.connect(
                self.host,
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
            kind = MysqlRefusal if error.errno in REFUSED else MysqlError
            raise kind(f"MySQL at {self.host}:{self.port} as {self.user}: {one_line(error)}") from None


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


def watcher(settings: Settings) -> Login:
    """Return the login that sees how old the marts are and which changes they show."""
    return login(settings, MYSQL_WATCHER)


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
    """Return a function that makes equal those names that this server treats as one: some fold them to lower case."""
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
