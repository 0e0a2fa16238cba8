"""The stream of events in containers: unpaused, it lands what is sent, and it can be stopped.

That the next copy and the marts show what it landed is seen in test_stream_restore.py.
"""

import time
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from native.web import request_json
from storeline.events.lag import lags
from storeline.stores import postgres
from tests.compose.project import Project
from tests.compose.test_boot import wait_for

pytestmark = pytest.mark.timeout(900)

STREAM = "kafka_to_postgres_streaming"


def landed(project: Project) -> int:
    return sum(one.outcomes["landed"] for one in lags(project.settings))


def web_orders(project: Project) -> int:
    with closing(postgres.reader(project.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from source.orders where web_order_id is not null")
        return int((cursor.fetchone() or (0,))[0])


def stop(airflow: Airflow, stream: str) -> None:
    """Pause a stream's DAG and mark its run as failed, as docs/operations.md says it."""
    airflow.call(f"/dags/{stream}", "PATCH", {"is_paused": True})
    (run,) = [one["dag_run_id"] for one in airflow.runs(stream) if one["state"] == "running"]
    airflow.call(f"/dags/{stream}/dagRuns/{run}", "PATCH", {"state": "failed"})


@pytest.mark.slow(reason="a stream begins on the cluster of containers")
def test_orders_and_registrations_land(project: Project, airflow: Airflow) -> None:
    airflow.unpause(STREAM, 120)
    wait_for(lambda: all(one.outcomes["landed"] for one in lags(project.settings)))
    assert project.command("lag").startswith("topic")
    assert web_orders(project) > 0


@pytest.mark.slow(reason="a stream begins and ends in containers")
def test_a_run_that_is_marked_as_failed_stops(project: Project, airflow: Airflow) -> None:
    stop(airflow, STREAM)
    wait_for(lambda: request_json(project.settings.spark_master_ui_port, "/json/")["activeapps"] == [])
    before = landed(project)
    time.sleep(10)
    assert landed(project) == before
