"""Stream orders and registrations from Kafka into the shop's database, continuously.

Starts when unpaused. A run ends after `STREAM_RUN_SECONDS` and the next one continues where it stopped, as it does
after a crash: PostgreSQL holds the offsets (`ops.stream_offsets`), committed in the same transaction as the rows.
Transient failures (a killed driver, no executor, an unresponsive server) are retried indefinitely, with a backoff that
grows to a minute. Permanent ones (a missing topic, expired offsets, a wrong setting) fail the run at once with a line
that says what to do; three in a row, without an event taken in between, pause the DAG.

To stop the stream, pause the DAG, then mark the run as failed; it stops within seconds. Without the pause, the next run
starts. The outcome of each event: `storeline lag`, `ops.events`; what was refused and why: `ops.dead_letters`.
"""

from airflow.sdk import DAG

from dags.stream_job import STREAM, StreamJob

with DAG("kafka_to_postgres_streaming", doc_md=__doc__, **STREAM):
    StreamJob(task_id="stream_events")
