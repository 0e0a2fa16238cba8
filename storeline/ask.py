"""Ask a database a question and print the answer as a table.

Usage: python -m storeline.ask "select …" [mysql|postgres|clickhouse]

MySQL is asked as the analyst, PostgreSQL and ClickHouse as the reader.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import mysql.connector
import psycopg2
from tabulate import tabulate

from storeline import clickhouse as clickhouse_store
from storeline import mysql as mysql_store
from storeline import postgres as postgres_store
from storeline.settings import Settings, load
from storeline.variables import SettingsError

MOST_ROWS = 1000
LOGINS: dict[str, Callable[[Settings], mysql_store.Login | postgres_store.Login]] = {
    "mysql": mysql_store.analyst,
    "postgres": postgres_store.reader,
}
CLICKHOUSE = "clickhouse"


def ask(settings: Settings, question: str, database: str = "mysql") -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return an answer's column names and its first rows, one more than `MOST_ROWS` where there are more."""
    if database == CLICKHOUSE:
        with closing(clickhouse_store.connect(settings)) as client:
            names, rows = client.ask(question)
            return names, rows[: MOST_ROWS + 1]
    with closing(LOGINS[database](settings).connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(question)
        names = [column[0] for column in cursor.description or ()]
        return names, [tuple(row) for row in (cursor.fetchmany(MOST_ROWS + 1) if names else ())]


def table(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    """Return rows as text; nothing is reformatted, so that `007` stays `007`."""
    shown = [["NULL" if value is None else str(value) for value in row] for row in rows]
    return tabulate(shown, headers=names, disable_numparse=True, tablefmt="simple")


def main(arguments: list[str]) -> None:
    """Print the answer. Exits with one line when there is none."""
    question, database = arguments[0] if arguments else "", (arguments[1:] or ["mysql"])[0]
    if not question.strip():
        sys.exit("sql: a question is missing: make sql Q='select * from marts.UserOrders limit 5' [ON=postgres]")
    if database not in (known := [*LOGINS, CLICKHOUSE]):
        sys.exit(f"sql: ON is {database!r}: expected {', '.join(known[:-1])} or {known[-1]}")
    try:
        names, rows = ask(load(), question, database)
    except (
        SettingsError,
        mysql_store.MysqlError,
        postgres_store.PostgresError,
        clickhouse_store.ClickhouseError,
    ) as error:
        sys.exit(f"sql: {error}")
    except (mysql.connector.Error, psycopg2.Error) as error:
        sys.exit(f"sql: {mysql_store.one_line(error)}")
    print(table(names, rows[:MOST_ROWS]))
    if len(rows) > MOST_ROWS:
        print(f"… and more: the first {MOST_ROWS} rows are shown")


if __name__ == "__main__":
    main(sys.argv[1:])
