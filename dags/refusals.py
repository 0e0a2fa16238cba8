"""Permanent failures: each fails the run at once, and the third in a row pauses the DAG.

Transient failures are retried instead; a run stopped by a person counts as neither.
"""

import logging
import os
import subprocess
import sys
from typing import Any

from airflow.sdk import Variable
from airflow.sdk.exceptions import AirflowFailException

from storeline.airflow_environment import derived
from storeline.settings import load

MOST = 3
LOG = logging.getLogger(__name__)


def refuse(dag_id: str, report: dict[str, Any]) -> None:
    """Raise AirflowFailException with the job's line; pause the DAG at the third refusal without progress in between.

    `report` comes from the job: its line, and a number that changes whenever an event is taken.
    """
    # In Airflow's own database, because a job that PostgreSQL refuses cannot count there.
    name = f"{dag_id}.refusals"
    before = Variable.get(name, default=None, deserialize_json=True) or {}
    is_same = before.get("progress") == report["progress"]
    count = before.get("count", 0) + 1 if is_same else 1
    if count >= MOST:
        pause(dag_id)
        LOG.error("paused %s: refused %s times without taking an event", dag_id, count)
        count = 0  # unpausing starts the count over
    Variable.set(name, {"count": count, "progress": report["progress"]}, serialize_json=True)
    raise AirflowFailException(report["refused"])


def pause(dag_id: str) -> None:
    """Pause a DAG like the switch in the UI. A task has no API for it, so this runs Airflow's command."""
    command = (sys.executable, "-m", "airflow", "dags", "pause", dag_id)
    # The task's own environment does not lead to the database.
    environment = {name: value for name, value in os.environ.items() if name != "AIRFLOW__CORE__SQL_ALCHEMY_CONN"}
    subprocess.run(command, env=environment | derived(load()), check=True, stdout=subprocess.DEVNULL)
