"""Take orders and registrations from Kafka into the shop's database, as long as it runs.

Unpause it and it runs; a run ends by itself after `STREAM_RUN_SECONDS` and the next one goes on where it was, as after
a crash: where that is stands in PostgreSQL (`ops.stream_offsets`), in the transaction that wrote the rows. Mark a run
as failed and it stops within seconds; pause the DAG first, else the next run begins. Three failed runs after each other
pause it. What became of each event: `make lag`, `ops.events`; what could not be taken and why: `ops.dead_letters`.
"""

from datetime import UTC, datetime

from airflow.sdk import DAG

from dags.spark_job import SparkJob

with DAG(
    "kafka_to_postgres_streaming",
    schedule="@continuous",
    # Any day that is past. Without one the first run's interval is empty, and the second run gets its logical date.
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_consecutive_failed_dag_runs=3,
    tags=["storeline"],
    doc_md=__doc__,
):
    SparkJob(task_id="stream_events", assets={}, cores="spark_stream_cores")
