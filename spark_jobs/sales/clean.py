"""Take the rows of an export that count, typed and each sale once; keep the others with the reason why they do not.

Usage: spark-submit spark_jobs/sales/clean.py RUN_DATE
"""

import sys
import time
from collections.abc import Sequence

from pyspark.sql import SparkSession

from spark_jobs.executors import awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.sales.export import export
from spark_jobs.sales.judgement import deduplicated, judged
from spark_jobs.sales.parts import written
from spark_jobs.session import session
from storeline.sales.step import REFUSALS, SalesError, Step, begun, end


def main(arguments: Sequence[str] = ()) -> None:
    """Take the step. Exits with one line when it cannot be taken; then the folders hold what they held."""
    try:
        with (
            begun("clean", arguments) as step,
            session("sales_clean") as spark,
            awaited(spark, step.settings.spark_executor_wait_seconds),
        ):
            clean(step, spark)
    except (*REFUSALS, *FAILURES) as error:
        end("clean", error, one_line(error))


def clean(step: Step, spark: SparkSession) -> None:
    """Write both folders anew. Raises SalesError when rows were lost on the way, and StorageError."""
    began = time.monotonic()
    raw, good, rejected = (step.folder(name) for name in ("raw", "clean", "rejected"))
    for folder in (good, rejected):
        folder.make()
    rows = deduplicated(judged(export(spark, raw), step.run_date))
    parts = written(rows, good, rejected)
    counts = {name: sum(part.rows for part in some) for name, some in parts.items()}
    expected = raw.read().rows
    if sum(counts.values()) != expected:
        raise SalesError(f"{raw.url} holds {expected} rows, {sum(counts.values())} were judged: run it again")
    step.hold()
    facts = {"run_id": step.run_id}
    rejected.publish(parts[rejected.name], facts)
    good.publish(parts[good.name], facts)
    step.numbers |= {"rows": counts[good.name], "rejected_rows": counts[rejected.name]}
    step.numbers["seconds"] = round(time.monotonic() - began, 2)


if __name__ == "__main__":
    main(sys.argv[1:])
