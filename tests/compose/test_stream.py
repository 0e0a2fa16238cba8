"""The stream of events in containers: unpaused, it lands what is sent, the marts show it, and it can be stopped."""

import time
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from native.web import request_json
from storeline.events.lag import lags
from storeline.stores import mysql, postgres
from tests.compose.project import Project
from tests.compose.test_boot import BUILD, COPY, wait_for

pytestmark = pytest.mark.timeout(900)

STREAM = "kafka_to_postgres_streaming"


def landed(project: Project) -> int:
    return sum(one.outcomes["landed"] for one in lags(project.settings))


def web_orders(project: Project) -> int:
    with closing(postgres.reader(project.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from source.orders where web_order_id is not null")
        return int((cursor.fetchone() or (0,))[0])


def orders_in_marts(project: Project) -> int:
    with closing(mysql.analyst(project.settings).connect()) as connection:
        return int(mysql.ask(connection, "select sum(total_orders) from marts.UserOrders")[0][0])


@pytest.mark.slow(reason="a stream and two jobs begin on the cluster of containers")
def test_orders_and_registrations_land_and_the_next_copy_and_the_marts_show_them(
    project: Project, airflow: Airflow
) -> None:
    airflow.unpause(STREAM, 120)
    wait_for(lambda: all(one.outcomes["landed"] for one in lags(project.settings)))
    assert project.command("lag").startswith("topic")
    before = web_orders(project)
    assert before > 0
    for dag in (COPY, BUILD):
        airflow.unpause(dag)
    airflow.trigger(COPY)
    wait_for(lambda: orders_in_marts(project) >= 3000 + before)


@pytest.mark.slow(reason="a stream begins and ends in containers")
def test_a_run_that_is_marked_as_failed_stops(project: Project, airflow: Airflow) -> None:
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
    (run,) = [one["dag_run_id"] for one in airflow.runs(STREAM) if one["state"] == "running"]
    airflow.call(f"/dags/{STREAM}/dagRuns/{run}", "PATCH", {"state": "failed"})
    wait_for(lambda: request_json(project.settings.spark_master_ui_port, "/json/")["activeapps"] == [], 60)
    before = landed(project)
    time.sleep(10)
    assert landed(project) == before
