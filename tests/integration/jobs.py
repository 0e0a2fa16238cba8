"""A job of `spark_jobs/` in the test's own process and its warm session: everything except its own process."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO

import pytest
from pyspark.sql import SparkSession

from spark_jobs import build_marts, replicate
from storeline.marts.contract import Mart
from storeline.settings import Settings
from storeline.stores import mysql, postgres


def copy_here(settings: Settings, spark: SparkSession) -> None:
    """Copy every table of `replicate.TABLES`; errors are raised unchanged."""
    with (
        closing(mysql.replicator(settings).connect()) as target,
        closing(postgres.endless(postgres.reader(settings))) as source,
    ):
        replicate.replicate(settings, spark, source, target)


def build_here(settings: Settings, spark: SparkSession, marts: tuple[Mart, ...]) -> None:
    """Build marts; errors are raised unchanged. A build's data in memory would end with its process."""
    try:
        with closing(mysql.mart_builder(settings).connect()) as target:
            build_marts.build_marts(settings, spark, marts, target)
    finally:
        spark.catalog.clearCache()


def run_here(settings: Settings, job: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run a job's `main` to its end; return the exit code that its process would have, and its output."""
    main = import_module(f"spark_jobs.{job}").main
    return said_by(settings, lambda: main(*([arguments] if arguments else [])), **variables)


def said_by(settings: Settings, work: Callable[[], object], **variables: str) -> tuple[int, str]:
    """Do what a process would do; return the exit code that it would have, and its output."""
    said = StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said), own_alarm():
        for name, value in {**settings.values, **variables}.items():
            patch.setenv(name, value)
        try:
            work()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    if isinstance(code, str):  # as Python treats a message
        return 1, f"{said.getvalue()}{code}\n"
    return code or 0, said.getvalue()


@contextmanager
def own_alarm() -> Iterator[None]:
    """Restore the alarm that guards the test, whatever the job set."""
    handler, (seconds, interval) = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, interval)
