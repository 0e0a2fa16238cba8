"""The marts: equal to an independent computation, audited before they are visible, published and rolled back whole."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import pytest
from mysql.connector import Error as DriverError
from pyspark.sql import SparkSession

from dags.changes_applied import ChangesApplied
from native.stack import Stack
from spark_jobs import build_marts as job
from spark_jobs.audit import AuditError
from storeline.commands.marts import listing
from storeline.errors import StorelineError
from storeline.marts import publication
from storeline.marts.contract import Mart
from storeline.marts.contract import load as load_marts
from storeline.marts.following import look
from storeline.settings import Settings
from storeline.stores import mysql, mysql_swap
from tests.integration.jobs import build_here, copy_here
from tests.marts.comparison import as_text, differences

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
Ask = Callable[..., list[tuple[Any, ...]]]
Build = Callable[..., None]

MARTS = load_marts()
# With one that is read by another, which is a view: all that a publication distinguishes.
FEW = tuple(mart for mart in MARTS if mart.name in ("UserOrders", "mart_user_activity", "user_activity"))


@pytest.fixture(scope="module")
def copied(settings: Settings, spark: SparkSession, shop: None) -> None:
    copy_here(settings, spark)


@pytest.fixture
def build(settings: Settings, spark: SparkSession, copied: None) -> Build:
    """Return a function that builds marts in this process."""

    def run(marts: tuple[Mart, ...] = MARTS) -> None:
        build_here(settings, spark, marts)

    return run


@pytest.fixture(scope="module")
def built(settings: Settings, spark: SparkSession, copied: None) -> None:
    """Publish every mart once, for tests that only look at them or fail to replace them."""
    build_here(settings, spark, MARTS)


def generations(ask_target: Ask) -> set[str]:
    return {run_id for (run_id,) in ask_target("select run_id from ops.mart_builds")}


def test_every_mart_equals_an_independent_computation(built: None, settings: Settings) -> None:
    assert differences(settings) == []


def test_the_marts_read_each_other_from_the_same_state(built: None, ask_target: Ask) -> None:
    one = ask_target("select sum(total_spent) from marts.mart_user_activity")
    assert one == ask_target("select sum(total_amount) from marts.UserOrders")


def test_the_contract_is_in_mysql(built: None, ask_target: Ask) -> None:
    for mart in MARTS:
        columns = ask_target(
            "select column_name, column_comment from information_schema.columns "
            "where table_schema = 'marts' and table_name = %s order by ordinal_position",
            (mart.name,),
        )
        assert [name for name, _ in columns] == [column.name for column in mart.columns]
        if not mart.is_view:
            assert [comment for _, comment in columns] == [column.meaning for column in mart.columns]
            key = ask_target(
                "select column_name from information_schema.key_column_usage "
                "where table_schema = 'marts' and table_name = %s order by ordinal_position",
                (mart.name,),
            )
            assert tuple(name for (name,) in key) == mart.grain
            about = (
                "select table_comment from information_schema.tables where table_schema = 'marts' and table_name = %s"
            )
            assert ask_target(about, (mart.name,)) == [(mart.about,)]


def test_text_is_found_without_case_except_in_keys(built: None, ask_target: Ask) -> None:
    name, status = ask_target("select first_name, status from marts.mart_user_activity limit 1")[0]
    found = "select count(*) > 0 from marts.mart_user_activity where {} = %s"
    assert ask_target(found.format("first_name"), (name.upper(),)) == [(1,)]
    assert ask_target(found.format("status"), (status.upper(),)) == [(0,)]


def test_the_listing_says_what_was_built_and_from_which_copy(built: None, settings: Settings, ask_target: Ask) -> None:
    with closing(mysql.analyst(settings).connect()) as connection:
        listed = {name: rest for name, *rest in listing(connection, MARTS)}
    (copy,), (run,) = set(ask_target("select run_id from ops.bases")).pop(), generations(ask_target)
    assert set(listed) == {mart.name for mart in MARTS}
    for *_, run_id, sources in listed.values():
        assert run_id == run
        assert sources.startswith(f"{copy} (snapshot ")


def test_the_marts_are_due_once_when_the_stream_has_applied_more_than_they_show(
    build: Build, settings: Settings, ask_target: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_target(
        """insert into ops.stream_positions (stream, run_id, started_at, last_end, last_transaction, changes)
           values ('stream_changes', 'a run', utc_timestamp(6), 0, 0, 41)"""
    )
    try:
        build(FEW)
        assert (marts := look(settings))
        assert (marts.applied, marts.shown) == (41, 41)
        ask_target("update ops.stream_positions set changes = 42")
        ask_target("update ops.mart_builds set built_at = utc_timestamp(6) - interval 1 hour")
        values = {**settings.values, "MARTS_FOLLOW_SECONDS": "3600"}
        monkeypatch.setattr("dags.changes_applied.load", lambda: Settings(values))
        monkeypatch.setattr("dags.changes_applied.SECONDS_BETWEEN_LOOKS", 0.05)
        fired = asyncio.run(events(ChangesApplied(), seconds=1))
        assert [(event["applied"], event["shown"]) for event in fired] == [(42, 41)]
    finally:
        ask_target("delete from ops.stream_positions")


async def events(trigger: ChangesApplied, seconds: float) -> list[dict[str, int]]:
    """Return what a trigger fires within a time."""
    found = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for event in trigger.run():
                found.append(event.payload)
    return found


@pytest.mark.parametrize(
    "statement", ["select * from ops.runs", "select * from ops.stream_positions", "select * from marts.UserOrders"]
)
def test_the_triggerers_account_sees_how_far_the_marts_are_and_no_more(settings: Settings, statement: str) -> None:
    with closing(mysql.watcher(settings).connect()) as connection, pytest.raises(DriverError, match="denied"):
        mysql.ask(connection, statement)


def test_a_broken_check_names_mart_rule_and_rows_and_the_old_marts_stay(
    build: Build, built: None, ask_target: Ask
) -> None:
    before, rows = generations(ask_target), as_text(ask_target("select * from marts.UserOrders"))
    marts = only("UserOrders", checks=("total_orders < 3",))
    with pytest.raises(AuditError, match=r"mart UserOrders: rule `total_orders < 3` is broken by \d+ .*user_id="):
        build(marts)
    assert generations(ask_target) == before
    assert as_text(ask_target("select * from marts.UserOrders")) == rows
    assert ask_target("select state from ops.runs order by started_at desc limit 1") == [("failed",)]


def test_a_query_that_reads_what_it_did_not_declare_is_refused(build: Build, built: None, ask_target: Ask) -> None:
    before = generations(ask_target)
    with pytest.raises(AuditError, match="mart UserOrders reads orders, which it does not declare in reads"):
        build(only("UserOrders", reads=("users",)))
    assert generations(ask_target) == before


def test_a_column_of_another_type_is_refused(build: Build, built: None, ask_target: Ask) -> None:
    before = generations(ask_target)
    (mart,) = (mart for mart in MARTS if mart.name == "UserOrders")
    columns = (replace(mart.columns[0], mysql_type="INT"), *mart.columns[1:])
    with pytest.raises(
        AuditError, match=r"mart UserOrders: column user_id must be int \(INT\); its query returns bigint"
    ):
        build(only("UserOrders", columns=columns))
    assert generations(ask_target) == before


def only(name: str, **changes: Any) -> tuple[Mart, ...]:
    """Return one mart with changes; a failing run needs no other."""
    return tuple(replace(mart, **changes) for mart in MARTS if mart.name == name)


def test_every_broken_mart_is_named_in_one_run(build: Build) -> None:
    broken = only("ProductSales", checks=("false",)) + only("user_sales", checks=("false",))
    with pytest.raises(AuditError) as error:
        build(broken)
    assert "mart ProductSales:" in str(error.value)
    assert "mart user_sales:" in str(error.value)


def test_a_replica_that_lacks_a_table_is_one_line(build: Build, ask_target: Ask, target: Any) -> None:
    mysql.do(
        target, "update ops.bases set table_name = concat('no_', table_name) where table_name in ('users', 'orders')"
    )
    try:
        with pytest.raises(
            StorelineError, match="the replica has no orders, users yet: run replicate_postgres_to_mysql"
        ):
            build()
    finally:
        mysql.do(target, "update ops.bases set table_name = substr(table_name, 4) where table_name like 'no\\_%'")


@pytest.mark.parametrize("is_swapped", [True, False], ids=["after a swap", "without one"])
def test_a_lost_block_is_read_from_the_same_state_or_the_run_fails(
    build: Build,
    built: None,
    settings: Settings,
    spark: SparkSession,
    ask_target: Ask,
    monkeypatch: Any,
    is_swapped: bool,
) -> None:
    before, rows, fill = (
        generations(ask_target),
        as_text(ask_target("select * from marts.UserOrders")),
        job.fill_staging,
    )
    blocks = spark.sparkContext._jsc.sc().env().blockManager()

    def lose_blocks_and_fill(*arguments: Any) -> Any:
        if is_swapped:
            copy_here(settings, spark)
        kept = list(spark.sparkContext._jsc.getPersistentRDDs().keySet())
        assert sum(blocks.removeRdd(rdd) for rdd in kept) > 0
        return fill(*arguments)

    monkeypatch.setattr(job, "fill_staging", lose_blocks_and_fill)
    if is_swapped:
        with pytest.raises(StorelineError, match="the replica changed after it was read"):
            build(FEW)
        assert generations(ask_target) == before
    else:
        build(FEW)
        assert generations(ask_target) != before
    assert as_text(ask_target("select * from marts.UserOrders")) == rows


def test_rollback_brings_all_marts_back_and_forward_again(
    build: Build, built: None, settings: Settings, ask_target: Ask
) -> None:
    first = generations(ask_target)
    build(
        only("ProductSales") + only("UserOrders", query=f"select * from ({query_of('UserOrders')}) where user_id < 9")
    )
    second = generations(ask_target)
    seen = []
    for _ in range(2):
        with closing(mysql.mart_builder(settings).connect()) as connection:
            publication.rollback(connection, 10)
        seen.append((generations(ask_target), ask_target("select count(*) from marts.UserOrders")[0][0]))
    assert seen == [(first, 500), (second, 8)]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("select * from ({0}) union all select * from ({0})", "one row for each user_id` is broken by 500 of the keys"),
        (
            "select user_id, cast(null as bigint) as total_orders, total_amount, last_order_date from ({0})",
            "total_orders is not null` is broken by 500 of 500 rows",
        ),
    ],
    ids=["a repeated key", "a null"],
)
def test_what_mysql_refuses_is_named_by_the_rule_that_it_breaks(
    build: Build, built: None, ask_target: Ask, query: str, named: str
) -> None:
    before = generations(ask_target)
    with pytest.raises(AuditError, match=f"mart UserOrders: rule `{named}"):
        build(only("UserOrders", query=query.format(query_of("UserOrders"))))
    assert generations(ask_target) == before


def query_of(name: str) -> str:
    return next(mart.query for mart in MARTS if mart.name == name)


def test_without_a_previous_generation_a_rollback_is_refused(settings: Settings, built: None, target: Any) -> None:
    mysql_swap.drop_tables(target, "marts_previous", mysql.tables_of(target, "marts_previous"))
    with (
        closing(mysql.mart_builder(settings).connect()) as connection,
        pytest.raises(mysql.MysqlError, match="previous"),
    ):
        publication.rollback(connection, 10)


def test_a_mart_that_is_gone_leaves_with_its_view(build: Build, built: None, ask_target: Ask) -> None:
    build(FEW)
    build(only("UserOrders"))
    left = ask_target("select table_name from information_schema.tables where table_schema = 'marts'")
    assert left == [("UserOrders",)]


@pytest.mark.slow(reason="it makes, copies and builds an empty shop and one of ten times the size")
def test_every_mart_equals_an_independent_computation_in_an_empty_shop_and_one_of_ten_times_the_size(
    settings: Settings, spark: SparkSession, databases: Stack, ask_source: Ask
) -> None:
    try:
        ask_source("truncate source.users, source.product_categories cascade")
        copy_here(settings, spark)
        build_here(settings, spark, MARTS)
        assert differences(settings, may_be_empty=True) == []
        databases.run("generators.shop", "--replace", "--scale", "10")
        copy_here(settings, spark)
        build_here(settings, spark, MARTS)
        assert differences(settings) == []
    finally:
        databases.run("generators.shop", "--replace")
