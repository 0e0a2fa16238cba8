"""Foreign objects in the databases of replica and marts: no verb touches them, and none hides behind them."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from storeline.generation import Generations
from storeline.settings import Settings
from storeline.stores import mysql

pytestmark = pytest.mark.integration

SET = Generations("kept_apart", "kept_apart_generation")
RUN_ID = "20260131T120000_1a2b3c"


@pytest.fixture
def connection(settings: Settings) -> Iterator[Any]:
    """Create the test's own databases and return a connection that publishes in them."""
    with closing(mysql.admin(settings).connect()) as connection:
        drop(connection)
        for database in (SET.live, SET.staging, SET.previous):
            mysql.do(connection, f"create database {database}")
        mysql.do(connection, f"create table ops.{SET.ledger} (table_name varchar(64), number int)")
        yield connection
        drop(connection)


def drop(connection: Any) -> None:
    for database in (SET.live, SET.staging, SET.previous):
        mysql.do(connection, f"drop database if exists {database}")
    for end in ("", "_next", "_previous"):
        mysql.do(connection, f"drop table if exists ops.{SET.ledger}{end}")


def publish(connection: Any, number: int, *names: str) -> None:
    staged = {name: SET.staging_name(n, RUN_ID, name) for n, name in enumerate(names)}
    for table in staged.values():
        mysql.do(connection, f"create table {SET.staged(table)} as select {number} as number")
    following = SET.begin_ledger(connection)
    for name in names:
        mysql.do(connection, f"insert into {following} values (%s, %s)", (name, number))
    SET.publish(connection, staged, RUN_ID, 5)
    SET.drop_dead_staging(connection)


def numbers(connection: Any, database: str) -> dict[str, int]:
    """Return the number in each table of a database."""
    return {
        name: mysql.ask(connection, f"select number from {database}.{mysql.quote(name)}")[0][0]
        for name in mysql.tables_of(connection, database)
    }


def test_tables_that_no_run_has_made_stay_where_they_are_in_every_verb(connection: Any) -> None:
    publish(connection, 1, "Sales", "Leaving")
    for database in (SET.live, SET.staging, SET.previous):
        mysql.do(connection, f"create table {database}.theirs as select 7 as number")
    publish(connection, 2, "Sales")
    assert numbers(connection, SET.live) == {"Sales": 2, "theirs": 7}
    assert numbers(connection, SET.previous) == {"Sales": 1, "Leaving": 1, "theirs": 7}
    SET.exchange(connection, 5)
    assert numbers(connection, SET.live) == {"Sales": 1, "Leaving": 1, "theirs": 7}
    assert numbers(connection, SET.previous) == {"Sales": 2, "theirs": 7}
    SET.exchange(connection, 5)
    publish(connection, 3, "Sales")
    assert numbers(connection, SET.live) == {"Sales": 3, "theirs": 7}
    assert numbers(connection, SET.previous) == {"Sales": 2, "theirs": 7}
    assert numbers(connection, SET.staging) == {"theirs": 7}


@pytest.mark.parametrize("kind", ["table", "view"])
def test_a_name_that_someone_else_uses_is_one_line_and_nothing_changes(connection: Any, kind: str) -> None:
    publish(connection, 1, "Sales")
    mysql.do(connection, f"create {kind} {SET.live}.Rates as select 7 as number")
    with pytest.raises(mysql.MysqlError, match=r"kept_apart\.Rates is in the way and no run created it"):
        publish(connection, 2, "Sales", "Rates")
    assert mysql.ask(connection, f"select s.number, r.number from {SET.live}.Sales s, {SET.live}.Rates r") == [(1, 7)]


def test_a_name_that_someone_else_uses_in_the_previous_generation_is_one_line(connection: Any) -> None:
    publish(connection, 1, "Sales")
    mysql.do(connection, f"create table {SET.previous}.Sales as select 7 as number")
    with pytest.raises(mysql.MysqlError, match=r"kept_apart_previous\.Sales is in the way"):
        publish(connection, 2, "Sales")
    assert numbers(connection, SET.live) == {"Sales": 1}


def test_a_table_that_its_owner_dropped_is_made_again(connection: Any) -> None:
    publish(connection, 1, "Sales", "Rates")
    mysql.do(connection, f"drop table {SET.live}.Sales")
    publish(connection, 2, "Sales", "Rates")
    assert numbers(connection, SET.live) == {"Sales": 2, "Rates": 2}
    assert numbers(connection, SET.previous) == {"Rates": 1}
