"""Events through Kafka into the shop and on into the marts, run by Airflow as a person runs it."""

import time
from contextlib import closing

import psutil
import pytest
from mysql.connector import errors as mysql_errors

from native.airflow_api import Airflow
from native.members import members
from native.stack import Stack
from native.web import request_json
from storeline.events.lag import Lag, lags
from storeline.stores import mysql, postgres
from tests.end_to_end.runs import BUILD, COPY, STREAM, wait_until

pytestmark = [
    pytest.mark.end_to_end,
    pytest.mark.faults,
    pytest.mark.timeout(1200),
    pytest.mark.slow(reason="Airflow begins each run with a process and a driver, a Java each"),
]

SECONDS_TO_STOP = 20


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


def test_the_next_copy_and_the_marts_show_it(airflow: Airflow, stack: Stack) -> None:
    def shown(query: str) -> int:
        """Return a number, 0 as long as there is no such table."""
        with closing(mysql.analyst(stack.settings).connect()) as connection:
            try:
                return int(mysql.ask(connection, query)[0][0])
            except mysql_errors.ProgrammingError:
                return 0

    before = web_orders(stack)
    for dag in (BUILD, COPY):
        airflow.unpause(dag)
    airflow.trigger(COPY)
    copied = "select count(*) from replica.orders where web_order_id is not null"
    wait_until(lambda: shown(copied) >= before, "a copy")
    wait_until(lambda: shown("select sum(total_orders) from marts.UserOrders") >= 3000 + before, "the marts")


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

    wait_until(lambda: all(map(holds, lags(stack.settings))), "the identity at one moment", 60)
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
