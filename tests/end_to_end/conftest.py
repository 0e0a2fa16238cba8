"""One whole stack with Airflow, for all tests that use its API."""

import secrets
from collections.abc import Iterator
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from native.stack import LATER, SERVICES, Stack
from storeline.accounts import POSTGRES_AIRFLOW
from storeline.settings import load
from storeline.stores import postgres
from tests.stacks import QUICK_KAFKA, with_free_ports

# Airflow's time-outs in seconds, lowered so that tests wait less: a task is retried at once, a scheduler is given up
# after 15 s of silence, a task after 45 s. Tests that waited a minute for the former wait 20 s.
SHORT_TIME_OUTS = {
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}
IDLE_TRANSACTION_SECONDS = 15
# What sends and keeps events is started by the tests that look at them.
STARTED = [name for name in SERVICES if name not in ("kafka", "producers")]
SECONDS_OF_A_TEST = 1200


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test of this folder, and limit it where it has no limit of its own."""
    item.add_marker(pytest.mark.end_to_end)
    if item.get_closest_marker("timeout") is None:
        item.add_marker(pytest.mark.timeout(SECONDS_OF_A_TEST))


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack, but for the events, with a filled shop and all DAGs still paused."""
    # Unique passwords, so that logs can be searched for them.
    names = [name for name in load(environment={}).values if name.endswith("_PASSWORD")]
    passwords = {name: f"canary-{secrets.token_hex(8)}" for name in names}
    smaller = {"SALES_ROWS": "20000", "MARTS_FOLLOW_SECONDS": "10"}
    settings = with_free_ports(**passwords, **SHORT_TIME_OUTS, **QUICK_KAFKA, **smaller)
    with Stack(tmp_path_factory.mktemp("whole"), settings, [name for name in STARTED if name not in LATER]) as stack:
        stack.run("generators.shop", "--if-empty")
        with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
            wait = f"set idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_SECONDS}s'"
            cursor.execute(f"alter role {settings.user(POSTGRES_AIRFLOW)} {wait}")
        stack.start(STARTED)
        yield stack


@pytest.fixture(scope="package")
def airflow(stack: Stack) -> Airflow:
    """Return the stack's Airflow."""
    return Airflow(stack.settings)
