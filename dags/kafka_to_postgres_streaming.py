"""Take orders and registrations from Kafka into the shop's database, as long as it runs.

Unpause it and it runs; a run ends by itself after `STREAM_RUN_SECONDS` and the next one goes on where it was, as after
a crash: where that is stands in PostgreSQL (`ops.stream_offsets`), in the transaction that wrote the rows. What passes
by itself (a killed driver, no executor, a server that does not answer) is tried again without end, with pauses that
grow to a minute. What cannot pass without a hand (a missing topic, expired offsets, a wrong setting) fails the run at
once, with a line that says what to do; three of these without an event taken in between pause the DAG.

Mark a run as failed and it stops within seconds; pause the DAG first, otherwise the next run begins. What became of
each event: `storeline lag`, `ops.events`; what could not be taken and why: `ops.dead_letters`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from dags.spark_job import SparkJob

with DAG(
    "kafka_to_postgres_streaming",
    schedule="@continuous",
    # Any day that is past. Without one the first run's interval is empty, and the second run gets its logical date.
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    tags=["storeline"],
    doc_md=__doc__,
):
    SparkJob(
        task_id="stream_events",
        assets={},
        cores="spark_stream_cores",
        seconds=("stream_run_seconds", "stream_outage_seconds"),
        retries=10**6,
        retry_delay=timedelta(seconds=1),
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=1),
    )
