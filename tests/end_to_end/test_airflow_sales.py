"""The weekly sales through Airflow: the last Tuesday's once unpaused, and a date that is not there yet."""

from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.sales.step import ZONE
from storeline.sales.steps import STEPS
from storeline.stores import clickhouse
from tests import sales as independent
from tests.end_to_end.runs import SALES, leaks, wait_until

pytestmark = pytest.mark.slow(reason="six tasks of Airflow's, each with its own process, two of them with a driver")


def last_tuesday(now: datetime) -> date:
    """Return the date of the last Tuesday, from 12:45 in Moscow on."""
    noon = now.replace(hour=12, minute=45, second=0, microsecond=0)
    return next(day.date() for n in range(8) if (day := noon - timedelta(days=n)).weekday() == 1 and day <= now)


def tasks(airflow: Airflow, run: str) -> list[dict[str, Any]]:
    return list(airflow.call(f"/dags/{SALES}/dagRuns/{quote(run, safe='')}/taskInstances")["task_instances"])


def test_the_last_tuesdays_sales_are_in_clickhouse_with_each_steps_numbers(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(SALES, wait_seconds=180)
    wait_until(lambda: airflow.has_succeeded(SALES), "the sales")
    run_date = last_tuesday(datetime.now(ZONE))
    with closing(clickhouse.connect(stack.settings)) as client:
        found = client.query("select * from sales.sales_summary order by region, product_id")
    counting, reasons = independent.judged(independent.raw_rows(Path(stack.settings.sales_storage), run_date), run_date)
    assert found == [(run_date, *row) for row in independent.summary(counting.values())]

    (run,) = airflow.runs(SALES)
    assert {one["task_id"]: one["state"] for one in tasks(airflow, run["dag_run_id"])} == {
        step.name: "success" for step in STEPS
    }
    events = airflow.call("/assets/events?limit=100&order_by=-timestamp")["asset_events"]
    extras = {event["name"]: event["extra"] for event in events if event["name"].startswith("sales.")}
    assert {name: extra["rows"] for name, extra in extras.items()} == {
        "sales.generate": 20000,
        "sales.validate": 20000,
        "sales.clean": len(counting),
        "sales.load": len(counting),
        "sales.analyse": len(found),
        "sales.transfer": len(found),
    }
    shares = {
        name.removeprefix("share_"): share for name, share in extras["sales.validate"].items() if "share_" in name
    }
    assert {kind: round(share * 20000) for kind, share in shares.items() if kind != "bad_share"} == reasons
    assert {extra["run_date"] for extra in extras.values()} == {str(run_date)}
    assert leaks(stack) == []


def test_a_run_for_a_date_that_is_not_there_yet_fails_at_once_with_one_line(airflow: Airflow, stack: Stack) -> None:
    future = str(datetime.now(ZONE).date() + timedelta(days=7))
    asked = airflow.call(f"/dags/{SALES}/dagRuns", "POST", {"logical_date": None, "conf": {"run_date": future}})
    run = str(asked["dag_run_id"])
    wait_until(lambda: airflow.runs(SALES)[0]["state"] == "failed", "failed")
    states = {one["task_id"]: (one["state"], one["try_number"]) for one in tasks(airflow, run)}
    assert states["generate"] == ("failed", 1)
    assert {state for state, _ in states.values()} == {"failed", "upstream_failed"}
    assert f"the run date {future} is in the future: today is " in airflow.why(SALES, run)
