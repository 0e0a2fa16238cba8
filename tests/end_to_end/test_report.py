"""The notebook runs from top to bottom against real servers, and becomes a page that loads nothing external."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from native.web import request_json
from storeline.settings import ROOT
from storeline.stores import mysql
from tests.end_to_end.runs import BUILD, COPY, SALES, wait_for_rest, wait_until
from tests.page import Page

pytestmark = pytest.mark.slow(reason="alone, it begins with a copy, a build and sales through Airflow")


@pytest.fixture
def report(stack: Stack, tmp_path: Path) -> Callable[..., tuple[subprocess.CompletedProcess[str], Path]]:
    """Return a function that creates the report like `make report`, and returns its result."""

    def make(**variables: str) -> tuple[subprocess.CompletedProcess[str], Path]:
        file = tmp_path / "report.html"
        command = (sys.executable, "-m", "notebooks.report", str(file))
        seen = stack.environment() | variables
        return subprocess.run(command, env=seen, cwd=ROOT, capture_output=True, text=True, check=False), file

    return make


def test_a_notebook_that_fails_is_one_line_and_no_page(report: Callable[..., Any]) -> None:
    done, file = report(MYSQL_ANALYST_PASSWORD="not-the-password")
    assert (done.returncode, file.exists()) == (1, False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("report: explore.ipynb: MysqlRefusal: MySQL at 127.0.0.1:")
    assert "Access denied for user 'analyst'" in last
    assert "not-the-password" not in done.stdout + done.stderr


def has_run(airflow: Airflow, dag: str) -> bool:
    """Tell whether a run of a DAG has succeeded, whatever became of later ones."""
    return any(run["state"] == "success" for run in airflow.runs(dag))


def test_the_report_has_pictures_of_the_marts_the_sales_and_the_cluster_and_loads_nothing(
    report: Callable[..., Any], airflow: Airflow, stack: Stack
) -> None:
    for dag in (COPY, BUILD, SALES):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: all(has_run(airflow, dag) for dag in (COPY, BUILD, SALES)), "green")
    wait_for_rest(airflow)
    done, file = report()
    assert done.returncode == 0, done.stderr
    page = Page(file.read_text())
    assert (page.fetched, [one for one in page.elements if one in ("script", "iframe", "object", "base")]) == ([], [])
    assert page.policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"]
    assert len([one for one in page.pictures if one.startswith("data:image/png;base64,")]) == 4
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        ((orders, revenue),) = mysql.ask(
            connection,
            "select count(*), sum(if(status = 'Aborted', 0, total_amount)) from replica.orders",
        )
    assert f"{revenue:,.2f}" in page.text
    assert f"{orders:,} orders, counted by {stack.settings.spark_master_url}" in page.text
    assert not [word for word in ("No sales yet", "WARN") if word in page.text]
    cluster = request_json(stack.settings.spark_master_ui_port, "/json/")
    mine = [(one["cores"], one["state"]) for one in cluster["completedapps"] if one["name"] == "explore"]
    assert mine == [(1, "FINISHED")]
