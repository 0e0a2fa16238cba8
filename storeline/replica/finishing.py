"""What staged tables need before they go live: secondary indexes, and a comparison with the lines that were sent."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from typing import Any

from storeline.errors import StorelineError
from storeline.ledger import TableRuns
from storeline.replica import contents, transfer
from storeline.replica.contents import Contents
from storeline.replica.source import SourceTable
from storeline.stores import mysql, mysql_swap

THREADS = 2
KEYS_WORTH_DIVIDING = 100_000
DDL_BUFFER = "set session innodb_ddl_buffer_size = 67108864"  # 64 MiB for each index build; more brought no gain
Checked = tuple[Contents, float]  # of a part of a table, and the seconds that it took


def finish(
    login: mysql.Login,
    tables: Sequence[SourceTable],
    staged: Callable[[SourceTable], str],
    numbers: TableRuns,
    sent: Mapping[str, Contents],
) -> None:
    """Add each table's indexes, then compare it with what was sent, several tables and parts of them at a time.

    `staged` returns a staging table's quoted name; `numbers` get the seconds. Raises StorelineError that names the
    first table that differs.
    """
    checks: dict[str, list[Future[Checked]]] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        largest_first = sorted(tables, key=lambda table: -table.bytes)
        indexing = {pool.submit(add_indexes, login, table, staged(table)): table for table in largest_first}
        for one in as_completed(indexing):
            table = indexing[one]
            numbers[table.name].index_seconds, parts = one.result()
            checks[table.name] = [pool.submit(check, login, table, staged(table), part) for part in parts]
    for table in largest_first:
        found = [one.result() for one in checks[table.name]]
        verify(table, sum((part for part, _ in found), Contents()), sent[table.name])
        numbers[table.name].check_seconds = round(max(seconds for _, seconds in found), 3)
        numbers[table.name].content_hash = sent[table.name].hexadecimal


def add_indexes(login: mysql.Login, table: SourceTable, staged: str) -> tuple[float, list[str]]:
    """Add the secondary indexes; return the seconds, and conditions that divide the table's rows into parts."""
    with closing(login.connect()) as connection:
        began = time.monotonic()
        mysql.do(connection, DDL_BUFFER)
        if statement := transfer.index_ddl(table, staged):
            mysql.do(connection, statement)
        mysql_swap.mark_loaded(connection, staged)
        return round(time.monotonic() - began, 3), parts(connection, table, staged)


def parts(connection: Any, table: SourceTable, staged: str) -> list[str]:
    """Return conditions that divide a table's rows between the threads, in the middle of the keys.

    A small table is one part, and so is a table whose key does not begin with a whole number.
    """
    key = table.column(table.key[0])
    if not key.type.is_whole:
        return ["true"]
    name = mysql.quote(key.name)
    ((least, most),) = mysql.ask(connection, f"select min({name}), max({name}) from {staged}")
    if least is None or most - least < KEYS_WORTH_DIVIDING:
        return ["true"]
    middle = (least + most) // 2
    return [f"{name} <= {middle}", f"{name} > {middle}"]


def check(login: mysql.Login, table: SourceTable, staged: str, part: str) -> Checked:
    """Return what MySQL holds of a part of a table, and the seconds that it took."""
    with closing(login.connect()) as connection:
        began = time.monotonic()
        return contents.read_back(connection, table, staged, part), time.monotonic() - began


def verify(table: SourceTable, found: Contents, sent: Contents) -> None:
    """Compare what MySQL holds with the lines that were sent. Raises StorelineError where they differ."""
    if found != sent:
        raise StorelineError(
            f"{table.name}: staging holds {found.rows} rows (hash {found.hexadecimal}), "
            f"{sent.rows} (hash {sent.hexadecimal}) were sent; the replica is unchanged"
        )
