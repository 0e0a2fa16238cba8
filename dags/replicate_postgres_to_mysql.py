"""Copy every table of the shop from PostgreSQL to MySQL.

All tables come from one PostgreSQL snapshot, their contents are compared on both sides, and they become visible in
MySQL's database `replica` at the same moment. A failed run leaves the replica unchanged. The tables:
`storeline/tables.py`. What a run did: MySQL's `ops.runs` and `ops.run_tables`, and the asset events.
"""

from airflow.sdk import DAG, CronTriggerTimetable

from dags.assets import REPLICA
from dags.spark_job import BatchJob

with DAG(
    "replicate_postgres_to_mysql",
    schedule=CronTriggerTimetable("0 * * * *", timezone="UTC", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    tags=["storeline"],
    doc_md=__doc__,
):
    BatchJob(task_id="replicate", assets=REPLICA, seconds=("copy_timeout_seconds",))
