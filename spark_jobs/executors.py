"""How Java runs on the executors, and how a job without executors ends."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

# Use only the quick one of Java's two compilers. The other costs more time than it saves where an executor itself
# does little. Set as a variable, so that a cluster's own options for its executors are kept, and win.
QUICK_COMPILER = ("spark.executorEnv.JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def awaited(spark: SparkSession, seconds: int) -> Iterator[None]:
    """Cancel the application's running jobs after `seconds` without an executor, so that the job ends.

    Without executors (the master is gone, the workers are busy) an application waits forever.
    """
    if spark.sparkContext._jsc.sc().isLocal():
        yield  # the driver does the work
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
    reason = f"because the cluster provided no executor for {seconds} s (SPARK_EXECUTOR_WAIT_SECONDS): is a worker up?"
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
