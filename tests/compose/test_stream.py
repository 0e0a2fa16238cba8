"""The stream of events in containers: unpaused, it lands what the producers send, and stops when it is told to."""

import time

import pytest

from native.airflow_api import Airflow
from storeline.lag import lags
from tests.compose.project import Project
from tests.compose.test_boot import wait_for

pytestmark = pytest.mark.timeout(900)

STREAM = "kafka_to_postgres_streaming"


def landed(project: Project) -> int:
    return sum(one.outcomes["landed"] for one in lags(project.settings))


def test_orders_and_registrations_land_and_a_failed_run_stops(project: Project, airflow: Airflow) -> None:
    airflow.unpause(STREAM, 120)
    wait_for(lambda: all(one.outcomes["landed"] for one in lags(project.settings)))
    assert project.inside("airflow-scheduler", "python", "-m", "storeline.lag").startswith("topic")
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
    (run,) = [one["dag_run_id"] for one in airflow.runs(STREAM) if one["state"] == "running"]
    airflow.call(f"/dags/{STREAM}/dagRuns/{run}", "PATCH", {"state": "failed"})
    time.sleep(20)
    before = landed(project)
    time.sleep(10)
    assert landed(project) == before
