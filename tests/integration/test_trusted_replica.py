"""Marts are built from no table that its last verification found to differ, until it is repaired or copied."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from storeline.errors import Refusal
from storeline.health import look
from storeline.ledger import REPORT_VARIABLE
from storeline.marts.contract import load as load_marts
from storeline.replica.last_verification import differing
from storeline.replica.repair import Repaired, repair
from storeline.replica.verification import verify
from storeline.settings import Settings
from storeline.stores import mysql
from tests.integration.events import Ask
from tests.integration.jobs import build_here, copy_here

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
SALES = tuple(mart for mart in load_marts() if mart.name == "product_sales")
LOYALTY = tuple(mart for mart in load_marts() if mart.name == "mart_user_loyalty_points")
REFUSED = (
    "the last verification of the replica found differences in order_details, products: "
    "run `storeline repair order_details`, `storeline repair products`, or replicate_postgres_to_mysql"
)
CHANGES = (
    "update replica.products set price = price + 1 where product_id = 7",
    "update replica.order_details set quantity = quantity + 1 limit 1",
)


@pytest.fixture
def copied(settings: Settings, spark: SparkSession) -> Settings:
    """Return how to reach a replica that was just copied, and was not verified."""
    copy_here(settings, spark)
    return settings


@pytest.fixture
def found(copied: Settings, target: Any) -> Settings:
    """Return how to reach a replica in which a verification found two tables that differ."""
    for statement in CHANGES:
        assert mysql.do(target, statement) == 1
    assert sorted(one.table for one in verify(copied) if not one.is_equal) == ["order_details", "products"]
    return copied


@pytest.fixture
def build(settings: Settings, spark: SparkSession, ask_target: Ask) -> Callable[..., str]:
    """Return a function that builds a mart and returns the run that has published it."""

    def run(marts: Any = SALES, **values: str) -> str:
        build_here(Settings({**settings.values, **values}), spark, marts)
        return str(ask_target("select distinct run_id from ops.mart_builds")[0][0])

    return run


Build = Callable[..., str]


def test_a_replica_that_was_never_verified_or_is_equal_is_trusted(copied: Settings, build: Build) -> None:
    build()
    verify(copied)
    build()


def test_a_differing_one_is_refused_by_table_and_the_marts_stay(found: Settings, build: Build, ask_target: Ask) -> None:
    before = ask_target("select * from ops.mart_builds")
    with pytest.raises(Refusal) as refused:
        build()
    assert str(refused.value) == REFUSED
    assert ask_target("select * from ops.mart_builds") == before
    last = "select state, message from ops.runs where job = 'build_marts' order by started_at desc limit 1"
    assert ask_target(last) == [("failed", REFUSED)]


def test_the_job_reports_the_refusal_so_that_it_is_not_tried_again(
    found: Settings, run_job: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    code, said = run_job("build_marts", **{REPORT_VARIABLE: str(report)})
    assert (code, said.splitlines()[-1]) == (1, f"build_marts: {REFUSED}")
    assert json.loads(report.read_text()) == {"refused": f"build_marts: {REFUSED}", "progress": None}


def test_a_repair_of_every_table_brings_the_trust_back(found: Settings, build: Build) -> None:
    assert repair(found, "products", is_dry=True) == repair(found, "products") == Repaired(0, 1, 0)
    with pytest.raises(Refusal, match=r"differences in order_details: run `storeline repair order_details`, or"):
        build()
    repair(found, "order_details")
    build()


def test_a_newer_copy_is_trusted_whatever_was_found_in_the_one_before(
    found: Settings, build: Build, spark: SparkSession
) -> None:
    copy_here(found, spark)
    build()


def test_the_last_verification_counts(copied: Settings, build: Build, target: Any) -> None:
    change = "update replica.products set stock_quantity = stock_quantity {} 1 where product_id = 7"
    mysql.do(target, change.format("+"))
    verify(copied, ["products"])
    mysql.do(target, change.format("-"))
    with pytest.raises(Refusal, match="differences in products: "):
        build()
    verify(copied, ["users"])
    with pytest.raises(Refusal, match="differences in products: "):
        build()
    verify(copied, ["products"])
    build()


def test_rows_that_are_behind_and_tables_that_no_mart_reads_are_no_reason(
    found: Settings, build: Build, ask_source: Ask
) -> None:
    first = "select min(loyalty_id) from source.loyalty_points where points > 0"
    ask_source(f"update source.loyalty_points set points = points + 1 where loyalty_id = ({first})")
    behind = {one.table: one.behind for one in verify(found)}
    assert behind["loyalty_points"] == 1
    build(LOYALTY)


def test_the_setting_lets_a_build_go_on(found: Settings, build: Build) -> None:
    before = build(MARTS_REFUSE_DIFFERING_REPLICA="false")
    assert build(MARTS_REFUSE_DIFFERING_REPLICA="false") != before


def test_the_status_names_the_tables_and_what_brings_them_back(found: Settings) -> None:
    with closing(mysql.analyst(found).connect()) as connection:
        assert differing(connection) == ["order_details", "products"]
    said = [line for line in look(found).hands if line.startswith("rows of order_details, products in the replica")]
    assert [line.partition(": ")[2] for line in said] == [REFUSED.partition(": ")[2]]
