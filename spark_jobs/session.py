"""The Spark session of a job."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession


@contextmanager
def session(name: str, *configuration: tuple[str, str]) -> Iterator[SparkSession]:
    """Yield a session that ends with the job; an existing session is used and left running."""
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
        spark.stop()
