"""One run of everything, through Airflow's API as a person goes through its UI."""

import pytest

from native.airflow_api import Airflow
from native.stack import SERVICES, Stack
from native.web import WebError
from storeline.settings import Settings
from storeline.tables import TABLES
from tests.end_to_end.runs import (
    BUILD,
    CHANGES,
    COPY,
    SALES,
    STREAM,
    VERIFY,
    has_all_marts,
    leaks,
    wait_for_rest,
    wait_until,
)

pytestmark = pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each")


@pytest.fixture(scope="module", autouse=True)
def everything(stack: Stack) -> None:
    """Let every service run, as a person starts the stack."""
    stack.start(SERVICES)


def test_dags_are_paused_at_creation_and_nothing_runs_before(airflow: Airflow) -> None:
    wait_until(lambda: len(airflow.call("/dags")["dags"]) == 6, "listed")
    assert {dag["dag_id"]: dag["is_paused"] for dag in airflow.call("/dags")["dags"]} == dict.fromkeys(
        (COPY, BUILD, STREAM, CHANGES, SALES, VERIFY), True
    )
    assert airflow.runs(COPY) == airflow.runs(BUILD) == []


def test_unpausing_all_at_once_ends_in_marts_and_a_verified_replica(airflow: Airflow, stack: Stack) -> None:
    # The sales run beside them; test_airflow_sales.py looks at what they leave.
    for dag in (VERIFY, COPY, BUILD, SALES):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: has_all_marts(stack.settings), "all marts")
    wait_for_rest(airflow)
    wait_until(lambda: airflow.has_succeeded(VERIFY), "verified")
    assert [run["state"] for run in airflow.runs(VERIFY)] == ["success"]
    assert any(run["state"] == "success" for run in airflow.runs(COPY))
    # The copy's assets bring the marts; nothing waits for the hour.
    assert ("asset_triggered", "success") in [(run["run_type"], run["state"]) for run in airflow.runs(BUILD)]
    check_asset_events(airflow)


def check_asset_events(airflow: Airflow) -> None:
    """Each copied table is an asset event with its numbers."""
    events = airflow.call("/assets/events?limit=100&order_by=-timestamp")["asset_events"]
    rows = {event["name"]: event["extra"].get("row_count") for event in events if event["name"].startswith("replica.")}
    assert set(rows) == {f"replica.{table.name}" for table in TABLES}
    assert (rows["replica.users"], rows["replica.orders"]) == (500, 3000)


def test_no_secret_is_in_a_log(airflow: Airflow, stack: Stack) -> None:
    assert leaks(stack) == []


def test_a_stranger_is_refused(stack: Stack) -> None:
    wrong = Airflow(Settings({**stack.settings.values, "AIRFLOW_ADMIN_PASSWORD": "wrong"}))
    with pytest.raises(WebError) as error:
        wrong.runs(COPY)
    assert error.value.status in (401, 403)
