"""Reduces what Spark, the databases and the settings raise to one line that says why a job failed."""

import re

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException

from storeline.errors import StorelineError
from storeline.stores.drivers import DRIVER_ERRORS

RAISED_IN_A_TASK = re.compile(r"^(?:pyspark\.errors\.\S+: )?((?:\w+\.)+\w*(?:Error|Exception): .+)$", re.MULTILINE)
# Spark's message for a cancelled job; the reason follows.
CANCELLED = re.compile(r"^.*\[SPARK_JOB_CANCELLED\] Job \d+ cancelled ")
# One of our own errors, raised in a task: its message is complete.
OWN_CLASS = re.compile(r"^(?:storeline|spark_jobs)\.[\w.]+: ")
FAILURES = (StorelineError, *DRIVER_ERRORS, PySparkException, Py4JError)


def one_line(error: BaseException) -> str:
    """Return the line that tells a user what happened; for a failed task, what its Python code raised."""
    text = str(error.java_exception.getMessage()) if isinstance(error, Py4JJavaError) else str(error)
    raised = RAISED_IN_A_TASK.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    line = str(raised[-1] if raised else lines[0] if lines else type(error).__name__).strip()
    return CANCELLED.sub("ended ", OWN_CLASS.sub("", line))
