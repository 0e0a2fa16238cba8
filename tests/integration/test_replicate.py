"""The copy: what arrives, what is refused, and what readers see meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs import replicate as job
from storeline.errors import StorelineError
from storeline.replica import bases
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, mysql_sessions, postgres
from storeline.tables import TABLES, Table
from tests.integration.jobs import copy_here

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
Ask = Callable[..., list[tuple[Any, ...]]]
Copy = Callable[..., None]

AWKWARD = "tab\t newline\n return\r quote\" ' backslash \\ \\N \\. \v \f \x1a \x01 é 😀 NULL, comma"


@pytest.fixture
def copy(settings: Settings, spark: SparkSession) -> Copy:
    """Return a function that runs one copy in this process."""

    def run(**values: str) -> None:
        copy_here(Settings({**settings.values, **values}), spark)

    return run


def contents(ask: Ask, schema: str, quote: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, with times in UTC and without a zone."""

    def plain(value: Any) -> Any:
        return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value

    return {
        table.name: sorted(
            tuple(plain(value) for value in row) for row in ask(f"select * from {schema}.{quote}{table.name}{quote}")
        )
        for table in TABLES
    }


def test_every_value_of_every_table_arrives(copy: Copy, ask_source: Ask, ask_target: Ask) -> None:
    ask_source("update source.products set description = %s, name = 'NULL' where product_id = 1", (AWKWARD,))
    ask_source("update source.products set description = '', name = '' where product_id = 2")
    ask_source("update source.products set description = null where product_id = 3")
    ask_source(
        "update source.orders set web_order_id = '0f8fad5b-d9cb-469f-a165-70867728950e', web_order_version = 1, "
        "order_date = '2025-03-30 01:30:00.000001+00' where order_id = 1"
    )
    copy()
    assert contents(ask_target, "replica", "`") == contents(ask_source, "source", '"')


def test_keys_and_indexes_arrive_and_staging_is_empty(copy: Copy, ask_target: Ask) -> None:
    copy()
    indexes = ask_target(
        """select index_name, non_unique, group_concat(column_name order by seq_in_index)
           from information_schema.statistics
           where table_schema = 'replica' and table_name = 'order_details' group by 1, 2"""
    )
    assert set(indexes) == {
        ("PRIMARY", 0, "order_detail_id"),
        ("order_details_line_number_is_unique", 0, "order_id,line_number"),
        ("order_details_product_id_idx", 1, "product_id"),
    }
    assert ask_target("select table_name from information_schema.tables where table_schema = 'replica_staging'") == []


def test_a_second_copy_changes_no_row_and_becomes_the_generation(copy: Copy, ask_target: Ask) -> None:
    copy()
    before, first = contents(ask_target, "replica", "`"), replica_generations(ask_target)
    copy()
    assert contents(ask_target, "replica", "`") == before
    assert len(first) == len(replica_generations(ask_target)) == 1
    assert first != replica_generations(ask_target)
    assert ask_target("select count(distinct run_id) from ops.run_chunks") == [(1,)]


def replica_generations(ask_target: Ask) -> set[tuple[Any, ...]]:
    return set(ask_target("select run_id from ops.bases where database_name = 'replica'"))


def test_the_ledger_holds_what_a_copy_did(copy: Copy, ask_target: Ask) -> None:
    copy()
    run_id, state, tables, rows = ask_target(
        "select run_id, state, table_count, row_count from ops.runs where job = 'replicate' "
        "order by started_at desc limit 1"
    )[0]
    counted = sum(ask_target(f"select count(*) from replica.{table.name}")[0][0] for table in TABLES)
    assert (state, tables, rows) == ("succeeded", len(TABLES), counted)
    assert {(run_id,)} == replica_generations(ask_target)


def test_from_its_swap_on_a_copy_has_succeeded(
    copy: Copy, target: Any, ask_target: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = bases.publish

    def publish_and_lose_the_connection(connection: Any, *arguments: Any) -> None:
        publish(connection, *arguments)
        mysql_sessions.kill(target, connection.connection_id)
        mysql.ask(connection, "select 1")

    monkeypatch.setattr(bases, "publish", publish_and_lose_the_connection)
    copy()
    monkeypatch.undo()
    ((run_id,),) = replica_generations(ask_target)
    state = "select state, table_count from ops.runs where run_id = %s"
    assert ask_target(state, (run_id,)) == [("succeeded", len(TABLES))]
    mysql.do(target, "update ops.runs set state = 'running', table_count = null where run_id = %s", (run_id,))
    copy()
    assert ask_target(state, (run_id,)) == [("succeeded", len(TABLES))]
    assert mysql.tables_of(target, "replica_staging") == set()


def test_an_empty_shop_is_copied_as_an_empty_shop(copy: Copy, databases: Any, ask_source: Ask, ask_target: Ask) -> None:
    ask_source(f"truncate {', '.join('source.' + table.name for table in TABLES)}")
    try:
        copy()
        assert {name: rows for name, rows in contents(ask_target, "replica", "`").items() if rows} == {}
    finally:
        databases.run("generators.shop", "--replace")
        copy()


def test_money_that_moves_between_tables_while_it_is_copied_is_never_lost_or_doubled(
    copy: Copy, settings: Settings, ask_source: Ask, ask_target: Ask
) -> None:
    total = "select (select sum(stock_quantity) from {0}.products) + (select sum(points) from {0}.loyalty_points)"
    expected, seen, stop = int(ask_source(total.format("source"))[0][0]), set(), threading.Event()
    copy()

    def move() -> None:
        with closing(postgres.generator(settings).connect()) as connection, connection.cursor() as cursor:
            amount = 0
            while not stop.is_set():
                amount = amount % 5 + 1
                cursor.execute("update source.products set stock_quantity = stock_quantity + %s", (amount,))
                cursor.execute(
                    """update source.loyalty_points set points = points - %s * (select count(*) from source.products)
                       where loyalty_id =
                           (select max(loyalty_id) from source.loyalty_points where reason = 'Refund')""",
                    (amount,),
                )
                connection.commit()

    def read() -> None:
        with closing(mysql.analyst(settings).connect()) as connection:
            while not stop.is_set():
                seen.add(int(mysql.ask(connection, total.format("replica"))[0][0]))

    threads = [threading.Thread(target=work) for work in (move, read)]
    for thread in threads:
        thread.start()
    before = replica_generations(ask_target)
    try:
        for _ in range(3):
            copy()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen == {expected}
    assert replica_generations(ask_target) != before


@contextmanager
def changed(ask_source: Ask, change: str, undo: str) -> Iterator[None]:
    ask_source(change)
    try:
        yield
    finally:
        ask_source(undo)


@pytest.mark.parametrize(
    ("change", "undo", "line"),
    [
        (
            "alter table source.reviews rename to opinions",
            "alter table source.opinions rename to reviews",
            "source.reviews is not in PostgreSQL: create it or remove it from tables.py",
        ),
        (
            "alter table source.reviews drop constraint reviews_pkey",
            "alter table source.reviews add primary key (review_id)",
            "source.reviews has no primary key: add one, the copy needs to tell rows apart",
        ),
        (
            "alter table source.reviews add column place point",
            "alter table source.reviews drop column place",
            "source.reviews.place: the copy does not support the type point",
        ),
    ],
)
def test_a_table_that_cannot_be_copied_is_named_and_the_replica_stays(
    copy: Copy, ask_source: Ask, ask_target: Ask, change: str, undo: str, line: str
) -> None:
    copy()
    before = replica_generations(ask_target)
    with changed(ask_source, change, undo), pytest.raises(StorelineError) as error:
        copy()
    assert str(error.value) == line
    assert replica_generations(ask_target) == before


def test_a_value_that_mysql_cannot_hold_is_refused_before_anything_is_visible(
    copy: Copy, ask_source: Ask, ask_target: Ask
) -> None:
    copy()
    before = replica_generations(ask_target)
    put = "update source.reviews set created_at = '{}' where review_id = 1"
    old = ask_source("select created_at::text from source.reviews where review_id = 1")[0][0]
    with (
        changed(ask_source, put.format("infinity"), put.format(old)),
        pytest.raises(StorelineError, match="reviews: MySQL"),
    ):
        copy()
    assert replica_generations(ask_target) == before
    assert ask_target("select state, message from ops.runs order by started_at desc limit 1")[0][0] == "failed"


def test_a_lock_that_is_not_got_is_one_line_that_names_the_holder(copy: Copy, settings: Settings) -> None:
    with closing(mysql.mart_builder(settings).connect()) as other:
        mysql_locks.hold(other, bases.LOCK, 1)
        with pytest.raises(mysql.MysqlError, match=r"storeline\.replica was not free for 1 s.*storeline_mart_builder"):
            copy(LOCK_WAIT_SECONDS="1")


def test_a_name_is_quoted_whatever_it_holds(
    copy: Copy, ask_source: Ask, ask_target: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'Order; drop table "x" `y` %s {} \\'
    quoted = '"' + name.replace('"', '""').replace("%", "%") + '"'
    with changed(
        ask_source,
        f'create table source.{quoted} ("select" bigint primary key, "a ""b"" `c`" text)',
        f"drop table source.{quoted}",
    ):
        ask_source(f"insert into source.{quoted} values (1, 'kept')")
        monkeypatch.setattr(job, "TABLES", (*TABLES, Table(name)))
        copy()
        assert ask_target(f"select * from replica.{mysql.quote(name)}") == [(1, "kept")]
        monkeypatch.undo()
    copy()
    left = ask_target("select table_name from information_schema.tables where table_schema = 'replica'")
    assert {found for (found,) in left} == {table.name for table in TABLES}


def test_a_failed_job_says_one_line_and_exits_with_an_error(run_job: Callable[..., tuple[int, str]]) -> None:
    code, said = run_job("replicate", MYSQL_PORT="1")
    assert code == 1
    assert [line for line in said.splitlines() if line.startswith("replicate:")] == [
        said[said.index("replicate: MySQL at 127.0.0.1:1 as storeline_replicator") :].splitlines()[0]
    ]
    assert "Traceback" not in said


def test_a_job_says_what_it_did(run_job: Callable[..., tuple[int, str]], ask_target: Ask) -> None:
    code, said = run_job("replicate")
    assert code == 0, said
    copied = dict(line.split(": ", 2)[1:] for line in said.splitlines() if line.startswith("replicate: "))
    ((rows,),) = ask_target("select count(*) from replica.users")
    assert set(copied) == {table.name for table in TABLES}
    assert copied["users"].startswith(f"{rows} rows, ")
    code, said = run_job("build_marts")
    assert code == 0, said
    assert "build_marts: UserOrders: " in said
