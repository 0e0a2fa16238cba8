"""A driver that stays: it runs the jobs that its standard input names, one after the other, in one Spark session.

Usage: python -m tests.integration.faults.jobs.warm_driver    (answers each line with one of its own)

A job's own process lives for seconds, most of which it spends starting Java and its executors. What is done to a
driver, or to what it talks to, can be done to one that is warm.
"""

import sys

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
        code, said = run_here(settings, line.strip())
        # What a build keeps in memory would end with its process.
        spark.catalog.clearCache()
        print(said, end="")
        print(DONE if code == 0 else FAILED + (said.strip() or "it said nothing").splitlines()[-1], flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
