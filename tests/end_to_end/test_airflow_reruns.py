"""Runs that a person or a crash begins again: they end in one right state, with nothing twice and nothing left over."""

import random
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psutil
import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.generation import MARTS, REPLICA
from storeline.stores import mysql, mysql_swap
from tests.end_to_end.runs import BUILD, COPY, attempts, has_all_marts, wait_for_rest, wait_until
from tests.seeds import SEEDS

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each"),
]

# Longer than Airflow's patience with a scheduler, and PostgreSQL's with a transaction that stands still.
ASLEEP_SECONDS = 20


@pytest.fixture
def rested(airflow: Airflow) -> Airflow:
    """Return Airflow with both DAGs unpaused and at rest."""
    for dag in (COPY, BUILD):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: all(airflow.runs(dag) for dag in (COPY, BUILD)), "begun")
    wait_for_rest(airflow)
    return airflow


@pytest.fixture
def copying(rested: Airflow) -> Airflow:
    """Return Airflow at rest and with no build after each copy: what is tried here happens to the copy alone."""
    rested.call(f"/dags/{BUILD}", "PATCH", {"is_paused": True})
    return rested


def forget(airflow: Airflow, stack: Stack) -> None:
    """Bring Airflow and MySQL back to where nothing was ever unpaused."""
    for dag in (COPY, BUILD):
        airflow.call(f"/dags/{dag}", "PATCH", {"is_paused": True})
    wait_for_rest(airflow)
    for dag in (COPY, BUILD):
        airflow.call(f"/dags/{dag}", "DELETE")
    with closing(mysql.admin(stack.settings).connect()) as connection:
        for database in (REPLICA.live, REPLICA.previous, MARTS.live, MARTS.previous):
            mysql_swap.drop_tables(connection, database, mysql.tables_of(connection, database))
        for table in (REPLICA.ledger, MARTS.ledger):
            mysql.do(connection, f"delete from ops.{table}")
        mysql.do(connection, "drop view if exists marts.user_activity")


def state(stack: Stack) -> tuple[object, ...]:
    """Return what must be true whatever has happened: rows, what is left over, and who holds a lock."""
    with closing(mysql.admin(stack.settings).connect(autocommit=True)) as connection:
        return (
            mysql.ask(connection, "select count(*) from replica.orders"),
            mysql.ask(connection, "select count(*), sum(total_orders) from marts.UserOrders"),
            mysql.tables_of(connection, REPLICA.staging) | mysql.tables_of(connection, MARTS.staging),
            mysql.ask(connection, "select run_id from ops.runs where state = 'running'"),
            mysql.ask(
                connection,
                "select object_name from performance_schema.metadata_locks where object_type = 'USER LEVEL LOCK'",
            ),
        )


RIGHT = ([(3000,)], [(500, 3000)], set(), [], [])


def is_copying(stack: Stack) -> bool:
    with closing(mysql.admin(stack.settings).connect(autocommit=True)) as connection:
        return bool(mysql.ask(connection, "select 1 from ops.runs where job = 'replicate' and state = 'running'"))


def run_state(airflow: Airflow, dag: str, run: str) -> str:
    return str(airflow.call(f"/dags/{dag}/dagRuns/{quote(run, safe='')}")["state"])


def test_unpausing_the_marts_before_the_copy_ends_in_marts_too(airflow: Airflow, stack: Stack) -> None:
    wait_until(lambda: {BUILD, COPY} <= {dag["dag_id"] for dag in airflow.call("/dags")["dags"]}, "listed")
    if airflow.runs(COPY):
        forget(airflow, stack)
    for dag in (BUILD, COPY):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: has_all_marts(stack.settings), "all marts")
    wait_for_rest(airflow)
    assert any(run["state"] == "success" for run in airflow.runs(COPY))
    assert any(run["state"] == "success" for run in airflow.runs(BUILD))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("asleep_seconds", [0, ASLEEP_SECONDS], ids=["killed", "asleep"])
def test_a_scheduler_comes_back_and_its_run_ends_well(
    copying: Airflow, stack: Stack, asleep_seconds: int, seed: int
) -> None:
    run = copying.trigger(COPY)
    wait_until(lambda: is_copying(stack), "copying")
    time.sleep(random.Random(seed).uniform(0, 2))
    (number,) = (one.pid for one in stack.status() if one.name == "airflow-scheduler")
    scheduler = psutil.Process(number)
    if asleep_seconds:
        scheduler.suspend()
        time.sleep(asleep_seconds)
        scheduler.resume()
    else:
        scheduler.kill()

    wait_until(lambda: run_state(copying, COPY, run) in ("success", "failed"), "ended")
    wait_for_rest(copying)
    assert run_state(copying, COPY, run) == "success"
    assert state(stack) == RIGHT


@pytest.mark.parametrize("dag", [COPY, BUILD])
def test_a_run_that_is_cleared_runs_again(copying: Airflow, stack: Stack, dag: str) -> None:
    copying.unpause(dag)
    run = str(copying.runs(dag)[0]["dag_run_id"])
    ((_, before),) = attempts(copying, dag, run)
    copying.call(f"/dags/{dag}/clearTaskInstances", "POST", {"dry_run": False, "dag_run_id": run, "only_failed": False})
    wait_until(lambda: run_state(copying, dag, run) in ("queued", "running"), "cleared")
    wait_for_rest(copying)

    assert attempts(copying, dag, run) == [("success", before + 1)]
    assert state(stack) == RIGHT


def test_hours_that_are_filled_in_twice_change_nothing(copying: Airflow, stack: Stack) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    for reprocess in ("none", "completed"):
        wanted = {
            "dag_id": COPY,
            "from_date": hour.isoformat(),
            "to_date": hour.isoformat(),
            "reprocess_behavior": reprocess,
        }
        number = copying.call("/backfills", "POST", wanted)["id"]
        wait_until(lambda: copying.call(f"/backfills/{number}")["completed_at"], "filled in")  # noqa: B023
        wait_for_rest(copying)

    assert [run["state"] for run in copying.runs(COPY) if run["run_type"] == "backfill"] == ["success"]
    assert state(stack) == RIGHT
