"""Build the marts from the replica, check them, and publish them in MySQL's database `marts`, all at once.

Runs once every replica table was copied, or hourly, whichever comes first, and immediately when unpaused. While
`postgres_to_mysql_streaming` applies changes, it also runs whenever the marts are `MARTS_FOLLOW_SECONDS` old; it takes
up to a minute after unpausing until that begins. A failed check names the mart, the rule and example rows, and leaves
the old marts in place. So does a table of the replica that `verify_replica` found to differ from the source, until it
is repaired or copied; that run fails without a retry (`MARTS_REFUSE_DIFFERING_REPLICA`). What a mart holds:
`docs/marts.md`; how to add one: the README.
"""

from airflow.sdk import DAG, AssetAll, AssetOrTimeSchedule, CronTriggerTimetable

from dags.assets import CHANGES, MARTS, REPLICA
from dags.spark_job import BatchJob

with DAG(
    "create_data_marts",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 * * * *", timezone="UTC", run_immediately=True),
        assets=AssetAll(*REPLICA.values()) | CHANGES,
    ),
    catchup=False,
    max_active_runs=1,
    tags=["storeline"],
    doc_md=__doc__,
):
    BatchJob(task_id="build_marts", assets=MARTS, seconds=("build_timeout_seconds",))
