"""A driver that stays: it runs the jobs that its standard input names, one after the other, in one Spark session.

Usage: python -m tests.integration.faults.jobs.warm_driver    (answers each line with one of its own)

A job's own process lives for seconds, most of which it spends starting Java and its executors. What is done to a
driver, or to what it talks to, can be done to one that is warm. After the job a line may name one of its functions
and a file: the job makes the file when it comes to the function, and goes on when the file is gone.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.executors import QUICK_COMPILER
from storeline.settings import load
from tests.integration.jobs import run_here

READY, DONE, FAILED = "warm_driver: ready", "warm_driver: done", "warm_driver: failed: "


def main() -> None:
    settings = load()
    spark = SparkSession.builder.appName("warm driver").config(*QUICK_COMPILER).getOrCreate()
    spark.range(1).count()
    print(READY, flush=True)
    for line in sys.stdin:
        job, *pause = line.split()
        with paused(job, *pause) if pause else nullcontext():
            code, said = run_here(settings, job)
        # What a build keeps in memory would end with its process.
        spark.catalog.clearCache()
        print(said, end="")
        print(DONE if code == 0 else FAILED + (said.strip() or "it said nothing").splitlines()[-1], flush=True)
    spark.stop()


@contextmanager
def paused(job: str, function: str, file: str) -> Iterator[None]:
    """Let a job wait before one of its functions for as long as the file is there."""
    module, signal = import_module(f"spark_jobs.{job}"), Path(file)
    following = getattr(module, function)

    def wait_and_go_on(*arguments: Any) -> Any:
        signal.touch()
        while signal.exists():
            time.sleep(0.05)
        return following(*arguments)

    setattr(module, function, wait_and_go_on)
    try:
        yield
    finally:
        setattr(module, function, following)


if __name__ == "__main__":
    main()
