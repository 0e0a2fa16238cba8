"""The rival `dlt`: its SQL source, read with Arrow, into its SQLAlchemy destination.

Usage: python dlt_copy.py < JOB    (a JSON object: source, schema, target, database, runs:
the tables of each run)

Runs in an environment of its own, so it imports nothing of the product.
"""

import json
import os
import sys
import tempfile
import time

import dlt
from dlt.destinations import sqlalchemy
from dlt.sources.sql_database import sql_database


def main() -> None:
    """Copy the tables of the job on standard input; print the outcome."""
    job = json.load(sys.stdin)
    os.environ["DLT_DATA_DIR"] = os.environ["DLT_CONFIG_FOLDER"] = tempfile.mkdtemp()
    began = time.monotonic()
    failed: dict[str, str] = {}
    for number, tables in enumerate(job["runs"]):
        pipeline = dlt.pipeline(
            f"{job['database']}_{number}",
            pipelines_dir=tempfile.mkdtemp(),
            destination=sqlalchemy(job["target"]),
            dataset_name=job["database"],
        )
        source = sql_database(job["source"], schema=job["schema"], table_names=tables, backend="pyarrow")
        try:
            pipeline.run(source, write_disposition="replace").raise_on_failed_jobs()
        except Exception as error:
            failed |= dict.fromkeys(tables, str(error.__cause__ or error).strip().splitlines()[0])
    print(json.dumps({"seconds": time.monotonic() - began, "failed": failed}))


if __name__ == "__main__":
    main()
