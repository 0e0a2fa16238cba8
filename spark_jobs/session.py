"""The Spark session of a job."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession


@contextmanager
def session(name: str, *configuration: tuple[str, str]) -> Iterator[SparkSession]:
    """Yield the one session of a process, which ends with the job; an existing session is used and left running."""
    if found := SparkSession.getActiveSession():
        yield found
        return
    builder = SparkSession.builder.appName(name)
    for key, value in configuration:
        builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        # Java's half of `spark.stop()`. Python's would wait for a thread that looks only once a second whether to end,
        # and that ends with the process anyway. A Java that has died has nothing left to stop.
        with suppress(Py4JError):
            spark.sparkContext._jsc.stop()
