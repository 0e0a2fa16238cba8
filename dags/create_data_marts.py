"""Build the marts from the replica, check them, and publish them in MySQL's database `marts`, all at once.

Runs when every table of the replica was copied, or hourly, whichever comes first, and at once when it is unpaused. A
check that fails names the mart, the rule and example rows, and the old marts stay. What a mart holds:
`docs/marts.md`; how one is added: the README.
"""

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from dags.assets import MARTS, REPLICA
from dags.spark_job import SparkJob

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
    SparkJob(task_id="build_marts", assets=MARTS, seconds=("build_timeout_seconds",))
