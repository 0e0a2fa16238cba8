"""Views among the marts: they change over together with the tables, whatever they were before."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from storeline.generation import MARTS
from storeline.ledger import TableRun, new_run_id
from storeline.marts import ddl, publication, views
from storeline.marts.contract import Mart, MartColumn
from storeline.settings import Settings
from storeline.stores import mysql

pytestmark = pytest.mark.integration


def table(name: str = "Totals", columns: tuple[str, ...] = ("number",)) -> Mart:
    declared = tuple(MartColumn(column, "BIGINT", column, False) for column in columns)
    return Mart(name, name, columns[:1], ("orders",), declared, (), "", False)


def view(query: str = "select number from Totals", name: str = "Shown") -> Mart:
    return Mart(name, name, ("number",), ("Totals",), table().columns, (), query, True)


@pytest.fixture
def connection(settings: Settings) -> Iterator[Any]:
    """Return a connection as the marts' builder; there are no marts before and after."""
    with closing(mysql.mart_builder(settings).connect()) as connection:
        publish(connection, 0)
        yield connection
        publish(connection, 0)


def swap(connection: Any, number: int, *marts: Mart) -> None:
    """Publish marts whose every column contains a number, up to the end of the swap."""
    run_id = new_run_id()
    tables = [mart for mart in marts if not mart.is_view]
    staged = {mart.name: MARTS.staging_name(n, run_id, mart.name) for n, mart in enumerate(tables)}
    for mart in tables:
        target = MARTS.staged(staged[mart.name])
        mysql.do(connection, ddl.create_table(mart, target))
        mysql.do(connection, f"insert into {target} values ({', '.join([str(number)] * len(mart.columns))})")
    numbers = {mart.name: TableRun(1) for mart in marts}
    publication.publish(connection, run_id, marts, staged, numbers, {"orders": BASE}, 5)


def publish(connection: Any, number: int, *marts: Mart) -> None:
    swap(connection, number, *marts)
    views.make_missing(connection, marts)
    MARTS.drop_dead_staging(connection)
    views.drop_left_overs(connection)


BASE = publication.Base("a copy", "1:1:")


def shown(connection: Any, name: str = "Shown") -> list[tuple[Any, ...]]:
    return mysql.ask(connection, f"select * from marts.{name}")


def kinds(connection: Any) -> dict[str, str]:
    query = "select table_name, table_type from information_schema.tables where table_schema = 'marts'"
    return dict(mysql.ask(connection, query))


def test_a_view_shows_what_is_published(connection: Any) -> None:
    for number in (1, 2):
        publish(connection, number, table(), view())
        assert shown(connection) == [(number,)]
    assert kinds(connection) == {"Totals": "BASE TABLE", "Shown": "VIEW"}


def test_a_mart_changes_from_view_to_table_and_back(connection: Any) -> None:
    publish(connection, 1, table(), view())
    publish(connection, 2, table(), table("Shown"))
    assert kinds(connection) == {"Totals": "BASE TABLE", "Shown": "BASE TABLE"}
    publish(connection, 3, table(), view())
    assert kinds(connection) == {"Totals": "BASE TABLE", "Shown": "VIEW"}
    assert shown(connection) == [(3,)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((table(), view()), (table(), view("select number + 1 as number from Totals"))),
        ((table(), table("Shown")), (table(), view("select number + 1 as number from Totals"))),
        ((table(), view()), (table(),)),
        ((table(), view()), (table(columns=("number", "added")), view("select added from Totals"))),
    ],
    ids=["another query", "a table before", "gone", "another column"],
)
def test_a_death_right_after_the_swap_leaves_no_stale_view_and_the_next_run_has_all(
    connection: Any, before: tuple[Mart, ...], after: tuple[Mart, ...]
) -> None:
    publish(connection, 1, *before)
    swap(connection, 2, *after)
    left = kinds(connection).get("Shown")
    assert left in (None, "VIEW")
    if left:
        assert shown(connection) == [(3,)]
    publish(connection, 3, *after)
    assert set(kinds(connection)) == {mart.name for mart in after}


def test_a_view_of_someone_else_stays(connection: Any, target: Any) -> None:
    publish(connection, 1, table(), view())
    mysql.do(target, "create view marts.theirs as select number from marts.Totals")
    try:
        publish(connection, 2, table())
        assert shown(connection, "theirs") == [(2,)]
        assert set(kinds(connection)) == {"Totals", "theirs"}
    finally:
        mysql.do(target, "drop view marts.theirs")


def test_a_rollback_over_a_change_of_kind_shows_the_table_again(connection: Any, settings: Settings) -> None:
    publish(connection, 1, table(), table("Shown"))
    publish(connection, 2, table(), view())
    for expected, kind in ((1, "BASE TABLE"), (2, "VIEW")):
        with closing(mysql.mart_builder(settings).connect()) as other:
            publication.rollback(other, 5)
            views.make_missing(other, (table(), view()))
        assert (kinds(connection)["Shown"], shown(connection)) == (kind, [(expected,)])
