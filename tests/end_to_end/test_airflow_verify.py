"""The verification of the replica through Airflow: green on a copy, red at once after somebody wrote into it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.replica.repair import Repaired, repair
from storeline.stores import mysql
from storeline.tables import TABLES
from tests.end_to_end.runs import BUILD, COPY, VERIFY, wait_for_rest, wait_until

pytestmark = pytest.mark.slow(reason="it begins with a copy and a build through Airflow")


@pytest.fixture(autouse=True)
def copied(airflow: Airflow, stack: Stack) -> Iterator[None]:
    """Have a copy, and no other one meanwhile: it would replace what somebody has written."""
    airflow.unpause(COPY, wait_seconds=180)
    wait_until(lambda: airflow.has_succeeded(COPY), "copied")
    wait_for_rest(airflow)
    airflow.call(f"/dags/{COPY}", "PATCH", {"is_paused": True})
    wait_for_rest(airflow)
    airflow.unpause(BUILD)
    wait_until(lambda: airflow.has_succeeded(BUILD), "built")
    wait_for_rest(airflow)
    yield
    airflow.unpause(COPY)


def started(airflow: Airflow, dag: str, **params: object) -> str:
    asked = airflow.call(f"/dags/{dag}/dagRuns", "POST", {"logical_date": None, "conf": params})
    return str(asked["dag_run_id"])


def ended(airflow: Airflow, dag: str, run: str) -> tuple[str, int]:
    """Return the state of a run's only task, once it has ended, and its tries."""
    path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}"
    wait_until(lambda: airflow.call(path)["state"] in ("success", "failed"), f"{dag} ended")
    (task,) = airflow.call(f"{path}/taskInstances")["task_instances"]
    return task["state"], task["try_number"]


def written(stack: Stack) -> list[tuple[Any, ...]]:
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        return mysql.ask(connection, "select table_name, differing from ops.verifications order by verified_at")


def test_unpausing_verifies_every_table_and_tells_the_asset(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(VERIFY)
    wait_until(lambda: airflow.has_succeeded(VERIFY), "verified")
    assert {name for name, differing in written(stack) if not differing} == {table.name for table in TABLES}
    events = airflow.call("/assets/events?limit=100&order_by=-timestamp")["asset_events"]
    extra = next(event["extra"] for event in events if event["name"] == "verification")
    assert (extra["users"]["row_count"], extra["orders"]["row_count"]) == (500, 3000)


@pytest.mark.faults
def test_a_difference_fails_at_once_with_one_line_and_the_keys_before_it(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(VERIFY)
    with closing(mysql.admin(stack.settings).connect()) as connection:
        mysql.do(connection, "update replica.products set price = price + 1 where product_id = 7")
    verifying = started(airflow, VERIFY, tables=["products", "users"])
    assert ended(airflow, VERIFY, verifying) == ("failed", 1)
    said = airflow.why(VERIFY, verifying)
    assert "verify: products: changed (7): price" in said
    assert "rows of the replica differ from the source, 1 of products: the lines above name them; run " in said
    assert written(stack)[-2:] == [("products", 1), ("users", 0)]
    building = started(airflow, BUILD)
    assert ended(airflow, BUILD, building) == ("failed", 1)
    assert "build_marts: the last verification of the replica found differences in products: run " in airflow.why(
        BUILD, building
    )
    assert repair(stack.settings, "products") == Repaired(0, 1, 0)
    assert ended(airflow, VERIFY, started(airflow, VERIFY)) == ("success", 1)
