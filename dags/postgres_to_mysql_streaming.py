"""Stream the shop's changes from Kafka into MySQL's `replica`, continuously, beside the hourly copy.

Starts when unpaused and continues from the copy that the replica holds. Changes arrive within seconds of their commit,
whole transactions only. A run ends after `STREAM_RUN_SECONDS` and the next one continues where it stopped, as it does
after a crash: MySQL holds the position (`ops.stream_positions`), committed in the same transaction as the rows. While
`replicate_postgres_to_mysql` runs, the stream waits, and then continues from the new copy. Transient failures (a killed
driver, no executor, an unresponsive server) are retried indefinitely, with a backoff that grows to a minute. So are
those that end with the next copy, with a line that says so: a lost slot, expired changes, a changed column. A wrong
setting fails the run at once; three in a row, without a change applied in between, pause the DAG.

To stop the stream, pause the DAG, then mark the run as failed; it stops within seconds. How far it is: `storeline lag`.
"""

from airflow.sdk import DAG

from dags.stream_job import STREAM, StreamJob

with DAG("postgres_to_mysql_streaming", doc_md=__doc__, **STREAM):
    StreamJob(task_id="stream_changes")
