"""What cannot pass without a hand: it fails the run at once, and the third time in a row it pauses the DAG.

What passes by itself is tried again instead, and a run that a person ends is neither.
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
    """Raise AirflowFailException with the job's line; pause the DAG when nothing was taken since two refusals before.

    `report` is the job's: its line, and a number that differs as soon as an event was taken.
    """
    # In Airflow's own database, because a job that PostgreSQL does not let in cannot count there.
    name = f"{dag_id}.refusals"
    before = Variable.get(name, default=None, deserialize_json=True) or {}
    is_same = before.get("progress") == report["progress"]
    count = before.get("count", 0) + 1 if is_same else 1
    if count >= MOST:
        pause(dag_id)
        LOG.error("paused %s: it was refused %s times and took nothing in between", dag_id, count)
        count = 0  # who unpauses it begins again
    Variable.set(name, {"count": count, "progress": report["progress"]}, serialize_json=True)
    raise AirflowFailException(report["refused"])


def pause(dag_id: str) -> None:
    """Pause a DAG as its switch in the UI does; a task has no way of its own, so Airflow's command does it."""
    command = (sys.executable, "-m", "airflow", "dags", "pause", dag_id)
    # A task's own environment leads to no database.
    environment = {name: value for name, value in os.environ.items() if name != "AIRFLOW__CORE__SQL_ALCHEMY_CONN"}
    subprocess.run(command, env=environment | derived(load()), check=True, stdout=subprocess.DEVNULL)
