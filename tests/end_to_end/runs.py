"""The DAGs, and waiting for the runs of those that end."""

import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.generation import MARTS
from storeline.marts.contract import load as load_marts
from storeline.settings import Settings
from storeline.stores import mysql

COPY, BUILD = "replicate_postgres_to_mysql", "create_data_marts"
STREAM, SALES, VERIFY = "kafka_to_postgres_streaming", "sales_pipeline", "verify_replica"
CHANGES = "postgres_to_mysql_streaming"
SECONDS = 600


def wait_until(is_so: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait until something is true. Raises AssertionError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"after {seconds} s: not {what}"
        time.sleep(1)


def wait_for_rest(airflow: Airflow) -> None:
    """Wait until no run of either DAG is queued, running or called for."""
    wait_until(lambda: not any(map(airflow.is_under_way, (COPY, BUILD))), "at rest")


def attempts(airflow: Airflow, dag: str, run: str) -> list[tuple[str, int]]:
    """Return the state of each task of a run, and how often it was tried."""
    tasks = airflow.call(f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances")["task_instances"]
    return [(str(one["state"]), int(one["try_number"])) for one in tasks]


def leaks(stack: Stack) -> list[tuple[str, str]]:
    """Return each log in which a secret is to be read, and the secret."""
    secrets = {value for value in stack.settings.values.values() if value.startswith("canary-")}
    return [
        (path.name, secret)
        for path in stack.home.rglob("*")
        if path.is_file()
        and (
            "logs" in path.parts or path.suffix == ".log" or path.name in ("stdout", "stderr") or "events" in path.parts
        )
        for secret in secrets
        if secret in path.read_text(errors="replace")
    ]


def has_all_marts(settings: Settings) -> bool:
    wanted = {mart.name for mart in load_marts() if not mart.is_view}
    with closing(mysql.analyst(settings).connect()) as connection:
        return wanted <= mysql.tables_of(connection, MARTS.live)
