"""Build the marts from the replica, check them, and publish them in MySQL's database `marts`, all at once.

Runs after every replica table was copied, or hourly, whichever comes first, and immediately when unpaused. A failed
check names the mart, the rule and example rows, and leaves the old marts in place. So does a table of the replica that
`verify_replica` found to differ from the source, until it is repaired or copied; that run fails without a retry
(`MARTS_REFUSE_DIFFERING_REPLICA`). What a mart holds: `docs/marts.md`; how to add one: the README.
"""

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dags.assets import MARTS, REPLICA
from dags.spark_job import BatchJob

with DAG(
    "create_data_marts",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 * * * *", timezone="UTC", run_immediately=True),
        assets=list(REPLICA.values()),
    ),
    catchup=False,
    max_active_runs=1,
    tags=["storeline"],
    doc_md=__doc__,
):
    BatchJob(task_id="build_marts", assets=MARTS, seconds=("build_timeout_seconds",))
