"""The shop's changes into the replica, run by Airflow beside the copy as a person runs it."""

import time
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.stores import mysql, postgres
from tests.end_to_end.runs import BUILD, CHANGES, COPY, attempts, wait_until
from tests.end_to_end.streaming.test_streaming import SECONDS_TO_STOP, applications

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each"),
]


def rename(stack: Stack, name: str) -> None:
    """Change a row of the shop."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("update source.product_categories set name = %s where category_id = 1", (name,))


def shown(stack: Stack) -> str:
    """Return what a reader of the replica sees of that row."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        return str(mysql.ask(connection, "select name from replica.product_categories where category_id = 1")[0][0])


def copies(stack: Stack) -> int:
    return succeeded(stack, "replicate")


def succeeded(stack: Stack, job: str) -> int:
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        query = "select count(*) from ops.runs where job = %s and state = 'succeeded'"
        return int(mysql.ask(connection, query, (job,))[0][0])


def in_the_marts(stack: Stack) -> str:
    """Return what a reader of the marts sees of that row."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        return str(mysql.ask(connection, "select name from marts.sales_category where category_id = 1")[0][0])


def begun(airflow: Airflow) -> list[tuple[str, int]]:
    """Return the stream's runs, and how often Airflow has begun each."""
    runs = [str(one["dag_run_id"]) for one in airflow.runs(CHANGES)]
    return [(run, tries) for run in runs for _, tries in attempts(airflow, CHANGES, run)]


def called_by_changes(airflow: Airflow) -> list[str]:
    """Return the states of the runs that the stream of changes has called for."""
    events = airflow.call("/assets/events?limit=100&order_by=-timestamp")["asset_events"]
    return [run["state"] for event in events if event["name"] == "changes" for run in event["created_dagruns"]]


def wait_for_copy(airflow: Airflow, stack: Stack, before: int) -> None:
    """Wait until there is one copy more and none under way: a copy holds the lock, and brings changes itself."""
    wait_until(lambda: copies(stack) > before and not airflow.is_under_way(COPY), "a copy that has ended")


def test_unpaused_it_goes_on_from_the_copy_and_from_the_next_one(airflow: Airflow, stack: Stack) -> None:
    stack.start(("connect",))
    # A build would hold the lock that the stream waits for.
    wait_until(lambda: BUILD in {dag["dag_id"] for dag in airflow.call("/dags")["dags"]}, "listed")
    airflow.call(f"/dags/{BUILD}", "PATCH", {"is_paused": True})
    before = copies(stack)
    airflow.unpause(COPY)  # which begins one
    wait_for_copy(airflow, stack, before)
    airflow.unpause(CHANGES, wait_seconds=180)
    rename(stack, "first")
    wait_until(lambda: shown(stack) == "first", "the change in the replica")
    rename(stack, "second")
    wait_until(lambda: shown(stack) == "second", "the change in the replica")
    ((run, tries),) = begun(airflow)
    before = copies(stack)
    airflow.trigger(COPY)
    wait_for_copy(airflow, stack, before)
    rename(stack, "third")
    wait_until(lambda: shown(stack) == "third", "the change in the replica")
    # The driver has gone on by itself: Airflow has not begun it again.
    assert begun(airflow) == [(run, tries)]


def test_the_marts_follow_it_without_a_copy(airflow: Airflow, stack: Stack) -> None:
    airflow.call(f"/dags/{COPY}", "PATCH", {"is_paused": True})
    copied, built = copies(stack), succeeded(stack, "build_marts")
    airflow.unpause(BUILD)
    wait_until(lambda: succeeded(stack, "build_marts") > built and not airflow.is_under_way(BUILD), "a build")
    # The hour's build may be what shows a change, but not two of them.
    for name in ("fourth", "fourth of the next hour"):
        rename(stack, name)
        wait_until(lambda name=name: in_the_marts(stack) == name, "the change in a mart")
        if called_by_changes(airflow):
            break
    assert copies(stack) == copied
    assert set(called_by_changes(airflow)) & {"running", "success"}
    airflow.call(f"/dags/{BUILD}", "PATCH", {"is_paused": True})


def test_marked_as_failed_it_stops_within_seconds(airflow: Airflow, stack: Stack) -> None:
    airflow.call(f"/dags/{CHANGES}", "PATCH", {"is_paused": True})
    (run,) = [one["dag_run_id"] for one in airflow.runs(CHANGES) if one["state"] == "running"]
    airflow.call(f"/dags/{CHANGES}/dagRuns/{run}", "PATCH", {"state": "failed"})
    wait_until(lambda: "stream_changes" not in applications(stack), "no application", SECONDS_TO_STOP)
    before = shown(stack)
    rename(stack, "fifth")
    time.sleep(3)
    assert shown(stack) == before
    stack.stop(("connect",))
