"""Events through Kafka into the shop, run by Airflow as a person runs it.

That the next copy and the marts show them is seen in containers: tests/compose/test_stream_restore.py.
"""

import time
from contextlib import closing

import psutil
import pytest

from native.airflow_api import Airflow
from native.members import members
from native.stack import Stack
from native.web import request_json
from storeline.events.lag import Lag, lags
from storeline.stores import postgres
from tests.end_to_end.runs import STREAM, wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each"),
]

# Without its mark it would go on for hours: a busy machine's minute is within seconds.
SECONDS_TO_STOP = 60


def landed(stack: Stack) -> int:
    return sum(one.outcomes["landed"] for one in lags(stack.settings))


def drivers(stack: Stack) -> set[psutil.Process]:
    """Return the processes of the stream's driver."""

    def is_driver(process: psutil.Process) -> bool:
        try:
            return any("stream_events.py" in word for word in process.cmdline())
        except psutil.Error:
            return False

    return {process for process in members(stack.home) if is_driver(process)}


def applications(stack: Stack) -> list[str]:
    return [one["name"] for one in request_json(stack.settings.spark_master_ui_port, "/json/")["activeapps"]]


def web_orders(stack: Stack) -> int:
    with closing(postgres.reader(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from source.orders where web_order_id is not null")
        return int((cursor.fetchone() or (0,))[0])


def test_unpaused_it_lands_what_the_producers_send(airflow: Airflow, stack: Stack) -> None:
    airflow.unpause(STREAM, wait_seconds=180)
    wait_until(lambda: all(one.outcomes["landed"] for one in lags(stack.settings)), "an order and a registration")
    assert web_orders(stack) > 0


def test_marked_as_failed_it_stops_within_seconds_and_goes_on_where_it_was(airflow: Airflow, stack: Stack) -> None:
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
    (run,) = [one["dag_run_id"] for one in airflow.runs(STREAM) if one["state"] == "running"]
    assert drivers(stack)
    began = time.monotonic()
    airflow.call(f"/dags/{STREAM}/dagRuns/{run}", "PATCH", {"state": "failed"})
    wait_until(lambda: not drivers(stack), "no driver", SECONDS_TO_STOP)
    wait_until(lambda: "stream_events" not in applications(stack), "no application", SECONDS_TO_STOP)
    print(f"stopped after {time.monotonic() - began:.1f} s")
    at_rest = landed(stack)
    time.sleep(3)
    assert landed(stack) == at_rest
    airflow.unpause(STREAM)
    wait_until(lambda: landed(stack) > at_rest, "more events")


def test_every_offset_has_its_outcome(airflow: Airflow, stack: Stack) -> None:
    def holds(one: Lag) -> bool:
        return one.written == sum(one.outcomes.values()) + one.lag

    wait_until(lambda: all(map(holds, lags(stack.settings))), "the identity at one moment")
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
