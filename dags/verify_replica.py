"""Compare the whole replica in MySQL with PostgreSQL, and name the keys and columns that differ.

Runs every night at 03:30 UTC, between two copies, and immediately when unpaused, after the first copy; trigger it
with `tables` to compare these only. It does what `storeline verify` does, and no copy starts meanwhile. Rows that the
source has changed since the copy are behind, which is no failure. A row that differs was changed by something other
than the platform: the run fails at once, without a retry, and its log names each key. `create_data_marts` builds
nothing from that table until `storeline repair` or the next copy has brought the rows back. What was found: MySQL's
`ops.verifications`, and the extra of the asset `verification`.
"""

from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, Param

from dags.assets import VERIFICATION
from dags.python_job import PythonJob
from storeline.tables import TABLES

NAMES = [table.name for table in TABLES]


class Verify(PythonJob):
    """The job, with the tables that the run was given."""

    def arguments(self, context: Any) -> list[str]:
        """Return the tables' names."""
        return list(context["params"]["tables"])


with DAG(
    "verify_replica",
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    params={
        "tables": Param(
            [],
            type="array",
            items={"type": "string", "enum": NAMES},
            examples=NAMES,
            description="empty: all tables of the replica",
        )
    },
    tags=["storeline"],
    doc_md=__doc__,
):
    Verify(
        task_id="verify",
        module="storeline.replica.verify",
        assets=VERIFICATION,
        # It waits for the first copy, then for whatever uses the replica.
        seconds=("lock_wait_seconds", "lock_wait_seconds", "verify_timeout_seconds"),
    )
