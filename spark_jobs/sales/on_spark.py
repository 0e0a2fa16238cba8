"""What a Spark step of the sales pipeline does around its work: its session, its timing, its end."""

import time
from collections.abc import Callable, Sequence

from pyspark.sql import SparkSession

from spark_jobs.executors import awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.session import session
from storeline.sales.step import Step, begun, end


def take(name: str, work: Callable[[Step, SparkSession], None], arguments: Sequence[str]) -> None:
    """Run a step, timed from the start of its session. Exits with one line when it fails."""
    try:
        with (
            begun(name, arguments) as step,
            session(f"sales_{name}") as spark,
            awaited(spark, step.settings.spark_executor_wait_seconds),
        ):
            began = time.monotonic()
            work(step, spark)
            step.numbers["seconds"] = round(time.monotonic() - began, 2)
    except FAILURES as error:
        end(name, error, one_line(error))
