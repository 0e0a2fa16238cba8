"""The notebook runs from top to bottom against real servers, and becomes a page that loads nothing external."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from native.stack import Stack
from native.web import request_json
from storeline.settings import ROOT
from storeline.stores import clickhouse, mysql
from tests.page import Page

pytestmark = pytest.mark.integration

REGIONS = ("North", "South", "West")


@pytest.fixture(scope="module")
def report(databases: Stack, shop: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return a function that creates the report like `make report`, and returns its result."""
    databases.start(("spark",))
    file: Path = tmp_path_factory.mktemp("report") / "report.html"

    def make(**variables: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        command = (sys.executable, "-m", "notebooks.report", str(file))
        seen = databases.environment() | variables
        return subprocess.run(command, env=seen, cwd=ROOT, capture_output=True, text=True, check=False), file

    return make


@pytest.fixture
def sales(databases: Stack) -> None:
    """Put two imports of three sums each into ClickHouse; the report shows the later one."""
    databases.start(("clickhouse",))
    columns = "import_date, region, product_id, sales_count, sales_amount"
    rows = [(day, region, 1, 3, amount) for day, amount in (("2026-11-10", 1), ("2026-11-17", 2)) for region in REGIONS]
    with closing(clickhouse.connect(databases.settings, is_loader=True)) as connection:
        connection.command(f"insert into sales.sales_summary ({columns}) values {', '.join(map(str, rows))}")


def test_a_notebook_that_fails_is_one_line_and_no_page(report: Callable[..., Any]) -> None:
    done, file = report(MYSQL_ANALYST_PASSWORD="not-the-password")
    assert (done.returncode, file.exists()) == (1, False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("report: explore.ipynb: MysqlError: MySQL at 127.0.0.1:")
    assert "Access denied for user 'analyst'" in last
    assert "not-the-password" not in done.stdout + done.stderr


@pytest.mark.slow(reason="a copy, the marts and a notebook with a Spark application of its own")
def test_the_report_has_pictures_of_the_marts_the_sales_and_the_cluster_and_loads_nothing(
    report: Callable[..., Any], databases: Stack, run_job: Callable[..., tuple[int, str]], sales: None
) -> None:
    for job in ("replicate", "build_marts"):
        assert run_job(job)[0] == 0
    done, file = report()
    assert done.returncode == 0, done.stderr
    page = Page(file.read_text())
    assert (page.fetched, [one for one in page.elements if one in ("script", "iframe", "object", "base")]) == ([], [])
    assert page.policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"]
    assert len([one for one in page.pictures if one.startswith("data:image/png;base64,")]) == 4
    with closing(mysql.analyst(databases.settings).connect()) as connection:
        ((orders, revenue),) = mysql.ask(
            connection,
            "select count(*), sum(if(status = 'Aborted', 0, total_amount)) from replica.orders",
        )
    assert f"{revenue:,.2f}" in page.text
    assert f"{orders:,} orders, counted by {databases.settings.spark_master_url}" in page.text
    assert not [word for word in ("No sales yet", "WARN") if word in page.text]
    cluster = request_json(databases.settings.spark_master_ui_port, "/json/")
    mine = [(one["cores"], one["state"]) for one in cluster["completedapps"] if one["name"] == "explore"]
    assert mine == [(1, "FINISHED")]


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://x/y.js">',
        '<link href="https://x/y.css">',
        '<img src="https://x/y.png">',
        "<style>a { background: url(https://x/y.png) }</style>",
        "<style>@import 'https://x/y.css';</style>",
        '<p style="background: url(&quot;https://x/y.png&quot;)">',
    ],
)
def test_a_page_that_loads_something_is_noticed(text: str) -> None:
    assert len(Page(text).fetched) == 1
