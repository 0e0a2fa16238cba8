"""Measure P9: all marts over 1 M orders, against the same SQL in MySQL and one Spark JDBC job for each mart.

Usage: python -m bench.marts [--runs N] [--scale FACTOR]

`--scale` is the shop's size in default shops (1: 3,000 orders); without it the shop has 1 M orders. Ours is timed from
spark-submit to its end, audit and swap included, and so is each of the rival's jobs; MySQL fills tables that have the
marts' columns and keys, one after the other. In the end the rows of all three are compared.
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
    """Fill and copy a shop, run all three in rotated order, compare, publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", help="size in default shops; without it 1 M orders")
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
        # As many digits as Spark's quotients have before they are rounded.
        mysql.do(connection, "set session div_precision_increment = 10")
        began = time.monotonic()
        for mart in MARTS:
            table = f"{IN_MYSQL}.{mysql.quote(mart.name)}"
            mysql.do(connection, ddl.create_table(mart, table))
            mysql.do(connection, f"insert into {table} {in_mysql(mart.query)}")
            connection.commit()
        return time.monotonic() - began


def one_job_for_each(stack: Stack) -> float:
    """Submit one application for each mart; return the seconds of all."""
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, jdbc_job.DATABASE)
    return sum(submit(stack, "bench/rivals/jdbc_job.py", "mart", mart.name) for mart in MARTS)


def recreate(connection: Any, database: str) -> None:
    """Make an empty database."""
    mysql.do(connection, f"drop database if exists {database}")
    mysql.do(connection, f"create database {database} character set utf8mb4 collate utf8mb4_0900_bin")


def compare(stack: Stack) -> None:
    """Hold the rows of all three to be the same. Raises SystemExit with the first mart that differs.

    What Spark wrote by itself has the types that Spark chose, whole seconds among them: there, our rows are compared
    as those types hold them.
    """
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, AS_SPARK_TYPED)
        for mart in MARTS:
            name = mysql.quote(mart.name)
            mysql.do(connection, f"create table {AS_SPARK_TYPED}.{name} like {jdbc_job.DATABASE}.{name}")
            mysql.do(connection, f"insert into {AS_SPARK_TYPED}.{name} select * from marts.{name}")
            for ours, theirs in (("marts", IN_MYSQL), (AS_SPARK_TYPED, jdbc_job.DATABASE)):
                if rows(connection, f"{ours}.{name}") != rows(connection, f"{theirs}.{name}"):
                    raise SystemExit(f"bench.marts: {mart.name} is not the same in {theirs}")


def rows(connection: Any, table: str) -> list[str]:
    """Return a table's rows as text, in an order of their own."""
    return sorted(map(str, mysql.ask(connection, f"select * from {table}")))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.marts: {' '.join(error.cmd[-3:])}: {error.stderr.decode()[-2000:]}") from None
