"""Measure P9: all marts over 1 M orders, against the same SQL in MySQL and one Spark JDBC job per mart.

Usage: python -m bench.marts [--runs N] [--scale FACTOR]

`--scale` is the shop's size in default shops (1: 3,000 orders); the default is 1 M orders. Our job and each of the
rival's are timed from spark-submit to their end, ours with audit and swap; MySQL fills tables with the marts' columns
and keys, one after the other. Finally the rows of all three are compared.
"""

import argparse
import subprocess
import time
from contextlib import closing
from typing import Any

from bench.copy import counts, versions
from bench.mysql_dialect import in_mysql
from bench.report import Result, publish, rotated
from bench.rivals import jdbc_job
from bench.stack import MILLION, bench_stack, submit
from native.stack import Stack
from storeline.marts import ddl
from storeline.marts.contract import load as load_marts
from storeline.stores import mysql

IN_MYSQL = "mysql_marts"
AS_SPARK_TYPED = "marts_as_spark_typed"
MARTS = tuple(mart for mart in load_marts() if not mart.is_view)


def main() -> None:
    """Fill and copy a shop, run all three in rotated order, compare, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", help="size in default shops (default: 1 M orders)")
    options = parser.parse_args()
    size = {"SHOP_SCALE": options.scale} if options.scale else MILLION
    stack = bench_stack("postgres", "mysql", "spark", **size)
    with stack:
        stack.run("generators.shop", "--replace")
        submit(stack, "spark_jobs/replicate.py")
        reached = rotated(
            {
                "build_marts": lambda: submit(stack, "spark_jobs/build_marts.py"),
                "mysql": lambda: in_mysql_itself(stack),
                "spark-jdbc-plain": lambda: one_job_for_each(stack),
            },
            options.runs,
        )
        compare(stack)
        case = f"all marts, {counts(stack)['orders']:,} orders"
        results = [
            Result("P9", case, rival, "s", reached["build_marts"], reached[rival])
            for rival in ("mysql", "spark-jdbc-plain")
        ]
        configuration = {"rows": counts(stack), "slots": stack.settings.spark_batch_cores, "runs": options.runs}
        name = "marts_small" if options.scale else "marts"
        publish(name, ("pyspark", "sqlglot"), versions(stack), configuration, results)
    stack.delete()


def in_mysql_itself(stack: Stack) -> float:
    """Fill one table after the other with the marts' SQL; return the seconds."""
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, IN_MYSQL)
        mysql.do(connection, "use replica")
        # As many digits as Spark's quotients have before rounding.
        mysql.do(connection, "set session div_precision_increment = 10")
        began = time.monotonic()
        for mart in MARTS:
            table = f"{IN_MYSQL}.{mysql.quote(mart.name)}"
            mysql.do(connection, ddl.create_table(mart, table))
            mysql.do(connection, f"insert into {table} {in_mysql(mart.query)}")
            connection.commit()
        return time.monotonic() - began


def one_job_for_each(stack: Stack) -> float:
    """Submit one application per mart; return the total seconds."""
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, jdbc_job.DATABASE)
    return sum(submit(stack, "bench/rivals/jdbc_job.py", "mart", mart.name) for mart in MARTS)


def recreate(connection: Any, database: str) -> None:
    """Create an empty database."""
    mysql.do(connection, f"drop database if exists {database}")
    mysql.do(connection, f"create database {database} character set utf8mb4 collate utf8mb4_0900_bin")


def compare(stack: Stack) -> None:
    """Check that the rows of all three are the same. Raises SystemExit with the first mart that differs.

    Plain Spark chooses its own types, some with whole seconds, so our rows are converted to those types before that
    comparison.
    """
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, AS_SPARK_TYPED)
        for mart in MARTS:
            name = mysql.quote(mart.name)
            mysql.do(connection, f"create table {AS_SPARK_TYPED}.{name} like {jdbc_job.DATABASE}.{name}")
            mysql.do(connection, f"insert into {AS_SPARK_TYPED}.{name} select * from marts.{name}")
            for ours, theirs in (("marts", IN_MYSQL), (AS_SPARK_TYPED, jdbc_job.DATABASE)):
                if rows(connection, f"{ours}.{name}") != rows(connection, f"{theirs}.{name}"):
                    raise SystemExit(f"bench.marts: {mart.name} differs in {theirs}")


def rows(connection: Any, table: str) -> list[str]:
    """Return a table's rows as sorted text."""
    return sorted(map(str, mysql.ask(connection, f"select * from {table}")))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.marts: {' '.join(error.cmd[-3:])}: {error.stderr.decode()[-2000:]}") from None
