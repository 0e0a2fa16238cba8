"""How Java runs on the executors, and what happens to a job that is given none."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

# Of Java's two compilers only the quick one. The other needs more time than it saves where an executor has little to
# do itself. As a variable, so that options which a cluster sets for its executors stay, and win.
QUICK_COMPILER = ("spark.executorEnv.JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def awaited(spark: SparkSession, seconds: int) -> Iterator[None]:
    """Cancel what the application waits for when it has had no executor for `seconds`, so that the job ends.

    A cluster that gives none (its master is gone, its workers are taken) lets an application wait for ever.
    """
    if spark.sparkContext._jsc.sc().isLocal():
        yield  # the driver works itself
        return
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(spark, seconds, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(timeout=10)


def _watch(spark: SparkSession, seconds: int, ended: threading.Event) -> None:
    context = spark.sparkContext._jsc.sc()
    tracker = spark.sparkContext.statusTracker()
    reason = f"because the cluster has given no executor for {seconds} s (SPARK_EXECUTOR_WAIT_SECONDS): is a worker up?"
    last_seen = time.monotonic()
    try:
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            if context.getExecutorMemoryStatus().size() > 1:  # the driver is one of them
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > seconds:
                for job in tracker.getActiveJobsIds():
                    context.cancelJob(job, reason)
    except (Py4JError, OSError):
        return  # Java has ended, and the job with it
