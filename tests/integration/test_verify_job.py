"""The verification as Airflow runs it: its log, its report, its one line, and its end with its task."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from native.stack import Stack
from storeline.generation import REPLICA
from storeline.ledger import REPORT_VARIABLE
from storeline.replica import bases, verify
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, mysql_swap
from storeline.tables import TABLES
from storeline.task import ALIVE_VARIABLE
from tests.integration.events import Ask
from tests.integration.jobs import copy_here, said_by

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
Verify = Callable[..., tuple[int, str, dict[str, Any]]]


@pytest.fixture
def job(settings: Settings, spark: SparkSession, tmp_path: Path) -> Verify:
    """Return a function that verifies a fresh copy; it returns the exit code, the output and the report."""
    copy_here(settings, spark)

    def run(*tables: str, **variables: str) -> tuple[int, str, dict[str, Any]]:
        report = tmp_path / "report.json"
        report.unlink(missing_ok=True)
        code, said = said_by(settings, lambda: verify.main(tables), **{REPORT_VARIABLE: str(report), **variables})
        return code, said, json.loads(report.read_text()) if report.exists() else {}

    return run


def test_the_report_of_an_equal_replica_has_the_numbers_of_each_table(
    job: Verify, ask_source: Ask, ask_target: Ask
) -> None:
    ask_source("update source.products set stock_quantity = stock_quantity + 1 where product_id in (20, 21)")
    code, said, report = job()
    assert (code, said.splitlines()[2]) == (0, "verify: products: 800 rows, 0 differ, 2 behind")
    assert report["run_id"] == ask_target("select distinct run_id from ops.bases")[0][0]
    assert set(report["tables"]) == {table.name for table in TABLES}
    assert report["tables"]["products"] == {"row_count": 800, "behind": 2}


def test_a_difference_is_logged_by_key_and_column_and_refused_in_one_line(
    job: Verify, target: Any, ask_target: Ask
) -> None:
    mysql.do(target, "update replica.products set price = price + 1 where product_id = 7")
    mysql.do(target, "delete from replica.reviews where review_id in (1, 2)")
    code, said, report = job()
    lines = [line for line in said.splitlines() if not re.search("0 differ", line)]
    assert lines == [
        "verify: products: 800 rows, 1 differ, 0 behind",
        "verify: products: changed (7): price",
        "verify: reviews: 2000 rows, 2 differ, 0 behind",
        "verify: reviews: missing (1)",
        "verify: reviews: missing (2)",
        "verify: rows of the replica differ from the source, 1 of products, 2 of reviews: the lines above name them; "
        "run `storeline repair products`, `storeline repair reviews`, or replicate_postgres_to_mysql",
    ]
    assert (code, report) == (1, {"refused": lines[-1], "progress": None})
    last = "select table_name from ops.verifications where differing > 0 order by verified_at desc, 1 limit 2"
    assert {name for (name,) in ask_target(last)} == {"products", "reviews"}


def test_some_tables_are_verified_alone_and_an_unknown_one_may_be_there_later(job: Verify, target: Any) -> None:
    mysql.do(target, "delete from replica.reviews where review_id = 1")
    code, said, report = job("users", "products")
    assert (code, set(report["tables"]), len(said.splitlines())) == (0, {"users", "products"}, 2)
    line = "verify: the replica has no suppliers: run replicate_postgres_to_mysql first\n"
    assert job("suppliers") == (1, line, {})


def test_a_database_that_does_not_answer_is_one_line_and_tried_again(job: Verify) -> None:
    code, said, report = job(MYSQL_PORT="9")
    assert (code, said.count("\n"), report) == (1, 1, {})
    assert said.startswith("verify: MySQL at 127.0.0.1:9 as ")


@pytest.fixture
def empty_replica(target: Any) -> None:
    mysql_swap.drop_tables(target, REPLICA.live, mysql.tables_of(target, REPLICA.live))
    mysql.do(target, "delete from ops.bases")


def test_it_waits_for_the_first_copy_then_verifies_it(
    empty_replica: None, settings: Settings, spark: SparkSession
) -> None:
    with ThreadPoolExecutor(1) as other:
        copied = other.submit(lambda: time.sleep(2) or copy_here(settings, spark))
        code, said = said_by(settings, lambda: verify.main(()), LOCK_WAIT_SECONDS="60")
        copied.result()
    lines = [line for line in said.splitlines() if line.startswith("verify: ")]
    assert lines[0] == "verify: the replica is empty: waiting for its first copy"
    assert (code, len(lines)) == (0, 1 + len(TABLES))


def test_without_a_copy_it_ends_after_its_wait_with_one_line(empty_replica: None, settings: Settings) -> None:
    code, said = said_by(settings, lambda: verify.main(()), LOCK_WAIT_SECONDS="1")
    assert (code, said.splitlines()[1:]) == (1, ["verify: the replica is empty: run replicate_postgres_to_mysql first"])


def test_it_ends_with_its_task_and_waits_for_no_lock(databases: Stack, tmp_path: Path) -> None:
    gone = {ALIVE_VARIABLE: str(tmp_path / "gone")}
    with closing(mysql.replicator(databases.settings).connect()) as other:
        mysql_locks.hold(other, bases.LOCK, 5)
        done = subprocess.run(
            (sys.executable, "-m", "storeline.replica.verify"),
            env=databases.environment() | gone,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "verify: Airflow has ended its task\n"
