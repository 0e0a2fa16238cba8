"""Check a run date's export against the declared rules; report the broken ones, and stop if too many rows are bad.

Usage: spark-submit spark_jobs/sales/validate.py RUN_DATE
"""

import json
import sys
from collections.abc import Sequence

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tabulate import tabulate

from spark_jobs.sales.export import POSITION, export
from spark_jobs.sales.judgement import REASON, judged
from spark_jobs.sales.on_spark import take
from storeline.sales import report
from storeline.sales.report import Finding
from storeline.sales.rules import DUPLICATE, RULES
from storeline.sales.step import Step


def main(arguments: Sequence[str] = ()) -> None:
    """Run the step. Exits with one line when it fails, or when too many rows are bad."""
    take("validate", validate, arguments)


def validate(step: Step, spark: SparkSession) -> None:
    """Judge every row and write the report. Raises Refusal when the share of bad rows exceeds its limit."""
    findings, checked = found(step, spark)
    with step.transaction() as cursor:
        report.write(cursor, step.run_date, findings, checked)
    shown = [(one.rule.name, one.rows, f"{one.rows / checked:.4%}", one.example) for one in findings]
    print(tabulate(shown, headers=("rule broken", "rows", "share", "example")), flush=True)
    bad = sum(one.rows for one in findings)
    step.numbers |= {"rows": checked, "bad_rows": bad, "bad_share": round(bad / checked, 6)}
    step.numbers |= {f"share_{one.rule.name}": round(one.rows / checked, 6) for one in findings}
    report.hold_to_limit(findings, checked, step.settings.sales_bad_share_limit)


def found(step: Step, spark: SparkSession) -> tuple[list[Finding], int]:
    """Return how many rows break each rule, with an example, and the number of rows."""
    folder = step.folder("raw")
    rows = judged(export(spark, folder), step.run_date)
    counts = {
        row[REASON]: row
        for row in rows.groupBy(REASON)
        .agg(
            F.count("*").alias("rows"),
            F.countDistinct("sale_id").alias("sales"),
            F.min(POSITION).alias("first"),
        )
        .collect()
    }
    checked = sum(row["rows"] for row in counts.values())
    findings = []
    for rule in RULES:
        row = counts.get(rule.name)
        example = json.dumps(folder.row(row["first"]), ensure_ascii=False) if row else None
        findings.append(Finding(rule, row["rows"] if row else 0, example))
    good = counts.get(None)
    findings.append(Finding(DUPLICATE, good["rows"] - good["sales"] if good else 0, None))
    return findings, checked


if __name__ == "__main__":
    main(sys.argv[1:])
