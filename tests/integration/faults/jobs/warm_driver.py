"""A driver that stays: it runs the jobs named on its standard input, one after the other, in one Spark session.

Usage: python -m tests.integration.faults.jobs.warm_driver    (answers each line with one line)

A job's own process lives for seconds, most of which it spends starting Java and its executors. A fault of a driver, or
of a server that it uses, can happen to a warm one instead. After the job a line may name one of its functions and a
file: the job creates the file when it reaches the function, and continues once the file is gone.
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
        # A build's data in memory would end with its process.
        spark.catalog.clearCache()
        print(said, end="")
        print(DONE if code == 0 else FAILED + (said.strip() or "it said nothing").splitlines()[-1], flush=True)
    spark.stop()


@contextmanager
def paused(job: str, function: str, file: str) -> Iterator[None]:
    """Make a job wait before one of its functions while the file exists."""
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
