"""The marts in MySQL: their DDL, how they are published, listed and rolled back.

Usage: python -m storeline.mart_tables list | rollback
"""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from mysql.connector import Error as DriverError
from tabulate import tabulate

from storeline import mart_views, mysql
from storeline.generation import MARTS
from storeline.mart import Mart, MartError
from storeline.mart import load as load_marts
from storeline.replica import Base
from storeline.settings import load
from storeline.variables import SettingsError

LOCK = f"storeline.{MARTS.live}"


def ddl(mart: Mart, table: str) -> str:
    """Return the DDL of a mart's table: its contract, comments included; `table` is a quoted name."""
    columns = []
    for column in mart.columns:
        # Keys keep apart what the source keeps apart; other text is looked for without case.
        is_text_key = column.name in mart.grain and column.mysql_type.startswith("VARCHAR")
        exactly = " collate utf8mb4_0900_bin" if is_text_key else ""
        null = "" if column.nullable else " not null"
        comment = f" comment {mysql.literal(column.meaning)}"
        columns.append(f"{mysql.quote(column.name)} {column.mysql_type}{exactly}{null}{comment}")
    key = ", ".join(mysql.quote(name) for name in mart.grain)
    return f"create table {table} ({', '.join(columns)}, primary key ({key})) comment {mysql.literal(mart.about)}"


def publish(
    connection: Any,
    run_id: str,
    marts: tuple[Mart, ...],
    staged: dict[str, str],
    numbers: Mapping[str, Mapping[str, Any]],
    bases: Mapping[str, Base],
    wait_seconds: float,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Make the staged marts live, all at once, their views and `ops.mart_builds` among them.

    `connection` holds the marts' lock. Raises MysqlError; then nothing has changed.
    """
    following = MARTS.begin_ledger(connection)
    by_name = {mart.name: mart for mart in marts}
    for name, values in numbers.items():
        read = {table: vars(bases[table]) for table in sorted(_tables_behind(by_name[name], by_name))}
        mysql.do(
            connection,
            f"insert into {following} (mart, run_id, row_count, built_at, source_snapshots) "
            "values (%s, %s, %s, utc_timestamp(6), %s)",
            (name, run_id, values["row_count"], json.dumps(read)),
        )
    MARTS.publish(connection, staged, run_id, wait_seconds, mart_views.moves(connection, marts, run_id), check)


def _tables_behind(mart: Mart, marts: Mapping[str, Mart]) -> set[str]:
    """Return the replica's tables that a mart is made of, also through other marts."""
    return {table for name in mart.reads for table in (_tables_behind(marts[name], marts) if name in marts else {name})}


def rollback(connection: Any, wait_seconds: float) -> None:
    """Exchange the live marts with the previous generation, all at once; a second time brings them forward again.

    Raises MysqlError when there is no previous generation, or a reader is in the way; then nothing has changed.
    """
    mysql.hold(connection, LOCK, wait_seconds)
    MARTS.exchange(connection, wait_seconds, mart_views.before_a_rollback(connection))
    mart_views.drop_left_overs(connection)


def listing(connection: Any, marts: tuple[Mart, ...]) -> str:
    """Return a table of the marts: what they are, grain, rows, when they were built and from which state."""
    query = "select mart, row_count, built_at, run_id, source_snapshots from ops.mart_builds"
    built = {name: rest for name, *rest in mysql.ask(connection, query)}
    rows = []
    for mart in marts:
        count, when, generation, states = built.get(mart.name, (None, None, "not built yet", "{}"))
        sources = {f"{base['generation']} (snapshot {base['snapshot']})" for base in json.loads(states).values()}
        rows.append((mart.name, mart.about, ", ".join(mart.grain), count, when, generation, "; ".join(sorted(sources))))
    headers = ("mart", "what", "grain", "rows", "built at (UTC)", "generation", "read from the copy")
    return tabulate(rows, headers, tablefmt="simple_grid", maxcolwidths=[None, 40, 20, None, None, None, 30])


def main(arguments: list[str]) -> None:
    """List the marts or roll them back. Exits with one line when that cannot be done."""
    if arguments not in (["list"], ["rollback"]):
        sys.exit("mart_tables: expected list or rollback")
    try:
        settings = load()
        with closing(mysql.mart_builder(settings).connect()) as connection:
            if arguments == ["rollback"]:
                rollback(connection, settings.swap_wait_seconds)
                mart_views.make_missing(connection, load_marts())
            print(listing(connection, load_marts()))
    except (SettingsError, MartError, mysql.MysqlError, DriverError) as error:
        sys.exit(f"mart_tables: {mysql.one_line(error)}")


if __name__ == "__main__":
    main(sys.argv[1:])
