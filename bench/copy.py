"""Measure the copy: rows/s from snapshot to swap, with and without verification, against a raw pipe (P2).

Usage: python -m bench.copy [--runs N] [--small]

The shop has 1 M orders and about 3 M order lines (`--small`: the default shop). The rival pipes one COPY into one LOAD
DATA per table, with no checks and no index but the primary key. Start-up time is excluded on both sides.
"""

import argparse
import os
import threading
import time
from contextlib import closing

from bench.report import Result, publish, rotated
from bench.stack import MILLION, bench_stack, submit
from native.stack import Stack
from storeline.replica import transfer
from storeline.replica.source import describe
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA, TABLES

LAST = "select run_id, row_count, timestampdiff(microsecond, started_at, ended_at) / 1e6 from ops.runs"


def main() -> None:
    """Fill a shop, run both in rotated order, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    stack = bench_stack("postgres", "mysql", "spark", **({} if options.small else MILLION))
    with stack:
        stack.run("generators.shop", "--replace")
        verified: list[float] = []
        reached = rotated(
            {"copy": lambda: copy(stack, verified), "raw-pipe": lambda: raw_pipe(stack)},
            options.runs,
        )
        rows = sum(counts(stack).values())
        results = [
            Result(
                "P2",
                f"{rows:,} rows, comparison left out",
                "raw-pipe",
                "rows/s",
                reached["copy"],
                reached["raw-pipe"],
            ),
            Result("P2", f"{rows:,} rows, contents verified", "raw-pipe", "rows/s", verified, reached["raw-pipe"]),
        ]
        configuration = {"rows": counts(stack), "slots": stack.settings.spark_batch_cores, "runs": options.runs}
        publish(
            "copy", ("pyspark", "mysql-connector-python", "psycopg2-binary"), versions(stack), configuration, results
        )
    stack.delete()


def copy(stack: Stack, verified: list[float]) -> float:
    """Run the job on the cluster; return its rows/s without verification, and append the rate with it."""
    submit(stack, "spark_jobs/replicate.py")
    with closing(mysql.admin(stack.settings).connect()) as connection:
        run_id, rows, seconds = mysql.ask(
            connection, f"{LAST} where job = 'replicate' order by started_at desc limit 1"
        )[0]
        verify = mysql.ask(connection, "select sum(check_seconds) from ops.run_tables where run_id = %s", (run_id,))[0][
            0
        ]
    verified.append(float(rows) / float(seconds))
    return float(rows) / (float(seconds) - float(verify))


def raw_pipe(stack: Stack) -> float:
    """Copy every table through one pipe; return rows/s."""
    rows, began = 0, time.monotonic()
    with (
        closing(postgres.reader(stack.settings).connect()) as source,
        closing(mysql.admin(stack.settings).connect(allow_local_infile=True)) as target,
    ):
        mysql.do(target, "drop database if exists raw_pipe")
        mysql.do(target, "create database raw_pipe character set utf8mb4 collate utf8mb4_0900_bin")
        for name in (table.name for table in TABLES):
            table = describe(source, SOURCE_SCHEMA, name)
            there = f"raw_pipe.{mysql.quote(name)}"
            mysql.do(target, transfer.staging_ddl(table, there))
            read_end, write_end = os.pipe()
            query = transfer.copy_pages(source, table, 0, None)

            def send(query: str = query, write_end: int = write_end) -> None:
                with os.fdopen(write_end, "wb", buffering=1 << 20) as pipe, source.cursor() as cursor:
                    cursor.copy_expert(query, pipe)

            sender = threading.Thread(target=send)
            sender.start()
            rows += mysql.do(target, transfer.load_statement(table, there, f"/dev/fd/{read_end}"))
            sender.join()
            os.close(read_end)
    return rows / (time.monotonic() - began)


def counts(stack: Stack) -> dict[str, int]:
    """Return the row count of each table of the replica."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        return {t.name: mysql.ask(connection, f"select count(*) from replica.{t.name}")[0][0] for t in TABLES}


def versions(stack: Stack) -> dict[str, str]:
    """Return the versions of both servers."""
    with (
        closing(mysql.analyst(stack.settings).connect()) as target,
        closing(postgres.reader(stack.settings).connect()) as source,
    ):
        server = str(source.get_parameter_status("server_version"))
        return {"mysql": str(mysql.ask(target, "select version()")[0][0]), "postgresql": server}


if __name__ == "__main__":
    main()
