"""Keep the rows of an export that count, typed and one per sale; store the others with the reason for rejection.

Usage: spark-submit spark_jobs/sales/clean.py RUN_DATE
"""

import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession

from spark_jobs.sales.export import export
from spark_jobs.sales.judgement import deduplicated, judged
from spark_jobs.sales.on_spark import take
from spark_jobs.sales.parts import written
from storeline.errors import StorelineError
from storeline.sales.step import Step


def main(arguments: Sequence[str] = ()) -> None:
    """Run the step. Exits with one line when it fails; the folders then hold what they held before."""
    take("clean", clean, arguments)


def clean(step: Step, spark: SparkSession) -> None:
    """Rewrite both folders. Raises StorelineError when rows were lost, or a part cannot be written."""
    raw, good, rejected = (step.folder(name) for name in ("raw", "clean", "rejected"))
    for folder in (good, rejected):
        folder.make()
    rows = deduplicated(judged(export(spark, raw), step.run_date))
    parts = written(rows, good, rejected)
    counts = {name: sum(part.rows for part in some) for name, some in parts.items()}
    expected = raw.read().rows
    if sum(counts.values()) != expected:
        raise StorelineError(f"{raw.url} holds {expected} rows, {sum(counts.values())} were judged: run it again")
    step.hold()
    facts = {"run_id": step.run_id}
    rejected.publish(parts[rejected.name], facts)
    good.publish(parts[good.name], facts)
    step.numbers |= {"rows": counts[good.name], "rejected_rows": counts[rejected.name]}


if __name__ == "__main__":
    main(sys.argv[1:])
