"""The rivals `spark-jdbc-plain` and `spark-jdbc-tuned`: one Spark application that copies table after table.

Usage: spark-submit bench/rivals/jdbc_copy.py plain|tuned DATABASE TABLE...

Plain is what the first page of every tutorial shows: one partition, `mode=overwrite`. Tuned adds what the last page
does: partitions by key, a fetch size, a batch size and `rewriteBatchedStatements`. Both check nothing and leave the
types and keys to Spark, which makes no key.
"""

import sys
import time
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from bench.outcome import Outcome
from bench.rivals.jdbc_job import target
from storeline.replica.source import describe
from storeline.settings import Settings, load
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA

PARTITIONS = 4
ROWS_AT_ONCE = "10000"


def main(kind: str, database: str, *tables: str) -> None:
    """Copy the tables; print the outcome."""
    settings = load()
    spark = SparkSession.builder.appName(f"jdbc {kind}").getOrCreate()
    # The executors are there before the clock starts, as they are for the other contestants.
    spark.range(1).count()
    failed: dict[str, str] = {}
    began = time.monotonic()
    for name in tables:
        try:
            write(settings, database, name, read(settings, spark, name, kind == "tuned"), kind == "tuned")
        except Exception as error:
            failed[name] = reason(error)
    print(Outcome(time.monotonic() - began, failed).as_line())
    spark.stop()


def read(settings: Settings, spark: SparkSession, name: str, is_tuned: bool) -> DataFrame:
    """Return a table; tuned, it is read in ranges of its key's first column."""
    login = postgres.reader(settings)
    options = {
        "url": f"jdbc:postgresql://{login.host}:{login.port}/{login.database}",
        "user": login.user,
        "password": str(login.password),
        "driver": "org.postgresql.Driver",
        "dbtable": f"{SOURCE_SCHEMA}.{name}",
    }
    if is_tuned:
        options |= {"fetchsize": ROWS_AT_ONCE} | ranges(settings, name)
    return spark.read.format("jdbc").options(**options).load()


def ranges(settings: Settings, name: str) -> dict[str, str]:
    """Return Spark's options for reading a table in ranges; none for an empty one."""
    with postgres.reader(settings).connect() as connection, connection.cursor() as cursor:
        key = describe(connection, SOURCE_SCHEMA, name).key[0]
        cursor.execute(f'select min("{key}"), max("{key}") from {SOURCE_SCHEMA}.{name}')  # nosec B608
        lowest, highest = cursor.fetchone() or (None, None)
    if lowest is None or lowest == highest:
        return {}
    bounds = {"lowerBound": str(lowest), "upperBound": str(highest + 1)}
    return bounds | {"partitionColumn": key, "numPartitions": str(PARTITIONS)}


def write(settings: Settings, database: str, name: str, frame: DataFrame, is_tuned: bool) -> None:
    """Overwrite a table of the rival's database."""
    options = target(settings, database) | {"dbtable": mysql.quote(name)}
    if is_tuned:
        options |= {"url": options["url"] + "&rewriteBatchedStatements=true", "batchsize": ROWS_AT_ONCE}
    frame.write.format("jdbc").options(**options).mode("overwrite").save()


def reason(error: Any) -> str:
    """Return an error's last cause, which is the database's."""
    causes = [line for line in str(error).splitlines() if line.startswith("Caused by:")]
    return (causes or str(error).splitlines())[-1].strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
