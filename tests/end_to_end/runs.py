"""The two DAGs, and waiting for their runs."""

import time
from collections.abc import Callable

from native.airflow_api import Airflow

COPY, BUILD = "replicate_postgres_to_mysql", "create_data_marts"
SECONDS = 500


def wait_until(is_so: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Wait until something is true. Raises AssertionError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"after {seconds} s: not {what}"
        time.sleep(0.5)


def is_under_way(airflow: Airflow, dag: str) -> bool:
    return any(run["state"] in ("queued", "running") for run in airflow.runs(dag))


def is_called_for(airflow: Airflow, dag: str) -> bool:
    """Tell whether assets have changed and the run that they ask for is not there yet."""
    return bool(airflow.call(f"/dags/{dag}/assets/queuedEvents")["queued_events"])


def wait_for_rest(airflow: Airflow) -> None:
    """Wait until no run of either DAG is queued, running or called for.

    They are looked at in the order in which one leads to the next, so that none is missed on its way.
    """
    wait_until(
        lambda: not (is_under_way(airflow, COPY) or is_called_for(airflow, BUILD) or is_under_way(airflow, BUILD)),
        "at rest",
    )
