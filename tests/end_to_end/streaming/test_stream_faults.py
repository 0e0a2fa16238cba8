"""What Airflow makes of the stream when its scheduler is killed, and when the stream cannot go on."""

import os
import signal

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline import kafka, reset_stream
from storeline.lag import lags
from storeline.topics import ORDERS
from tests.end_to_end.runs import STREAM, wait_until
from tests.end_to_end.streaming.test_streaming import drivers, landed

pytestmark = [pytest.mark.end_to_end, pytest.mark.faults, pytest.mark.timeout(1800)]


def test_a_killed_scheduler_leaves_one_stream_that_writes(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    wait_until(lambda: landed(stack), "landed")
    (number,) = (one.pid for one in stack.status() if one.name == "airflow-scheduler")
    os.kill(number, signal.SIGKILL)
    before = landed(stack)
    wait_until(lambda: landed(stack) > before, "landed again", 600)
    # The old driver, where it has lived on, finds that another run has begun, and ends.
    wait_until(lambda: len(airflow.runs(STREAM)) and len(drivers_of_applications(stack)) == 1, "alone", 600)
    wait_until(lambda: all(one.written == sum(one.outcomes.values()) + one.lag for one in lags(stack.settings)), "even")


def drivers_of_applications(stack: Stack) -> set[int]:
    """Return the processes of spark-submit; each has its Python below it."""
    return {process.pid for process in drivers(stack) if "java" in process.name()}


def test_three_failed_runs_pause_it_and_a_reset_lets_it_go_on(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    with kafka.administration(stack.settings) as client:
        client.delete_topics([ORDERS.name])
    wait_until(lambda: airflow.call(f"/dags/{STREAM}")["is_paused"], "paused", 900)
    failed = [run["dag_run_id"] for run in airflow.runs(STREAM)[:3]]
    assert "topic orders is not in Kafka" in airflow.why(STREAM, failed[0])
    kafka.make_topics(stack.settings)
    reset_stream.reset(stack.settings, "earliest")
    airflow.unpause(STREAM)
    before = landed(stack)
    wait_until(lambda: landed(stack) > before, "landed again", 600)
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
