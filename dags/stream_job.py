"""A stream in a DAG: a task that is always running, and the arguments that such a DAG has."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dags.spark_job import SparkJob

# Of the DAG, besides its id and its documentation.
STREAM: dict[str, Any] = {
    "schedule": "@continuous",
    # Any past date. Without one the first run's interval is empty, and the second run would reuse its logical date.
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "tags": ["storeline"],
}


class StreamJob(SparkJob):
    """A stream: transient failures are retried without end, after pauses that grow from a second to a minute."""

    def __init__(self, *, task_id: str, **arguments: Any) -> None:
        """Declare the task."""
        super().__init__(
            task_id=task_id,
            assets={},
            cores="spark_stream_cores",
            seconds=("stream_run_seconds", "stream_outage_seconds"),
            retries=10**6,
            retry_delay=timedelta(seconds=1),
            retry_exponential_backoff=2,
            max_retry_delay=timedelta(minutes=1),
            **arguments,
        )
