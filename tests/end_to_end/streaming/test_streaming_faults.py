"""What Airflow makes of the stream when its scheduler is killed, and when the stream cannot go on."""

import os
import signal
import time
from contextlib import suppress
from urllib.parse import quote

import psutil
import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline import dag_states
from storeline.events import reset_stream
from storeline.events.lag import lags
from storeline.stores import kafka, kafka_topics
from storeline.topics import ORDERS
from tests.end_to_end.runs import STREAM, wait_until
from tests.end_to_end.streaming.test_streaming import drivers, landed

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each"),
]


def test_a_killed_scheduler_leaves_one_stream_that_writes(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    wait_until(lambda: landed(stack), "landed")
    (number,) = (one.pid for one in stack.status() if one.name == "airflow-scheduler")
    os.kill(number, signal.SIGKILL)
    before = landed(stack)
    wait_until(lambda: landed(stack) > before, "landed again")
    # The old driver, where it has lived on, finds that another run has begun, and ends.
    wait_until(lambda: len(airflow.runs(STREAM)) and len(drivers_of_applications(stack)) == 1, "alone")
    wait_until(lambda: all(one.written == sum(one.outcomes.values()) + one.lag for one in lags(stack.settings)), "even")


def drivers_of_applications(stack: Stack) -> set[int]:
    """Return the processes of spark-submit; each has its Python below it."""
    return {process.pid for process in drivers(stack) if "java" in process.name()}


@pytest.mark.slow(reason="six drivers, and the pauses between them")
def test_what_dies_by_itself_and_what_a_person_ends_pauses_nothing(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    before = len(airflow.runs(STREAM))
    for _ in range(3):
        wait_until(lambda: drivers(stack), "a driver")
        for process in drivers(stack):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: not drivers(stack), "ended")
    # The third pause lasts for seconds.
    wait_until(lambda: any("being retried" in line for line in lines(stack)), "being retried", 60)
    assert len(airflow.runs(STREAM)) == before
    for _ in range(3):
        wait_until(lambda: running(airflow), "a run")
        (run,) = running(airflow)
        marked = time.time()
        airflow.call(f"/dags/{STREAM}/dagRuns/{quote(run, safe='')}", "PATCH", {"state": "failed"})
    # Until the ended run's driver is gone, what lands may still come from it.
    wait_until(lambda: drivers(stack) and all(one.create_time() > marked for one in drivers(stack)), "a next driver")
    at_rest = landed(stack)
    wait_until(lambda: landed(stack) > at_rest, "landed again")
    assert not airflow.call(f"/dags/{STREAM}")["is_paused"]


def lines(stack: Stack) -> list[str]:
    return [line for state in dag_states.states(stack.settings) for line in state.lines(is_captured=False)]


def running(airflow: Airflow) -> list[str]:
    return [str(one["dag_run_id"]) for one in airflow.runs(STREAM) if one["state"] == "running"]


@pytest.mark.slow(reason="four runs through Airflow")
def test_three_refusals_pause_it_and_a_reset_lets_it_go_on(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    with kafka.administration(stack.settings) as client:
        client.delete_topics([ORDERS.name])
    wait_until(lambda: airflow.call(f"/dags/{STREAM}")["is_paused"], "paused")
    wait_until(lambda: not running(airflow), "at rest")
    for failed in airflow.runs(STREAM)[:3]:
        assert failed["state"] == "failed"
        assert "topic orders is not in Kafka" in airflow.why(STREAM, failed["dag_run_id"])
    said = lines(stack)
    assert f"{STREAM} is paused" in said
    assert any(line.startswith(f"{STREAM}: its last run failed") for line in said)

    kafka_topics.make_topics(stack.settings)
    reset_stream.reset(stack.settings, "earliest")
    airflow.unpause(STREAM)
    before = landed(stack)
    wait_until(lambda: landed(stack) > before, "landed again")
    assert f"{STREAM} is paused" not in lines(stack)
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
