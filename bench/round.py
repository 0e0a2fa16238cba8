"""Measure P12: one round of the default shop through Airflow, from the trigger to all marts visible.

Usage: python -m bench.round [--runs N]

The rival is one spark-submit per table and per mart, one after the other, without Airflow's overhead.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import closing

from bench.copy import versions
from bench.marts import MARTS, recreate
from bench.report import Result, publish, rotated
from bench.rivals import jdbc_job
from bench.stack import bench_stack, submit
from native.airflow_api import Airflow
from native.stack import Stack
from native.web import request_json
from storeline.stores import mysql
from storeline.tables import TABLES

COPY, BUILD = "replicate_postgres_to_mysql", "create_data_marts"
# The run of the visible replica, if the visible marts were read from it.
STATE = """select distinct b.run_id from ops.bases b join ops.mart_builds m
           on json_search(m.source_snapshots, 'one', b.run_id) is not null"""
SECONDS = 600


def main() -> None:
    """Start everything, run both in rotated order, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    stack = bench_stack("postgres", "mysql", "spark", "airflow")
    with stack:
        stack.run("generators.shop", "--replace")
        airflow = Airflow(stack.settings)
        for dag in (COPY, BUILD):
            airflow.unpause(dag)
        wait(lambda: all(airflow.has_succeeded(dag) for dag in (COPY, BUILD)))
        applications: list[int] = []
        reached = rotated(
            {"round": lambda: round_trip(stack, airflow, applications), "spark-jdbc-plain": lambda: by_jdbc(stack)},
            runs,
        )
        results = [
            Result("P12", "trigger to all marts visible, default shop", "spark-jdbc-plain", "s", *reached.values()),
            Result("P12", "Spark applications of a round", "", "", applications, []),
        ]
        publish("round", ("apache-airflow", "pyspark"), versions(stack), {"runs": runs}, results)
    stack.delete()


def round_trip(stack: Stack, airflow: Airflow, applications: list[int]) -> float:
    """Trigger the copy; return the seconds until its marts are visible, and append the number of applications."""
    wait(lambda: not any(map(airflow.is_under_way, (COPY, BUILD))))
    ended = len(completed(stack))
    with closing(mysql.admin(stack.settings).connect(autocommit=True)) as connection:
        before = mysql.ask(connection, STATE)
        began = time.monotonic()
        airflow.trigger(COPY)
        wait(lambda: mysql.ask(connection, STATE) not in ([], before))
        seconds = time.monotonic() - began
    wait(lambda: not any(map(airflow.is_under_way, (COPY, BUILD))))
    applications.append(len(completed(stack)) - ended)
    return seconds


def completed(stack: Stack) -> list[object]:
    """Return the applications that have ended on the cluster."""
    return list(request_json(stack.settings.spark_master_ui_port, "/json/")["completedapps"])


def by_jdbc(stack: Stack) -> float:
    """Submit one application per table and per mart; return the total seconds."""
    with closing(mysql.admin(stack.settings).connect()) as connection:
        recreate(connection, jdbc_job.DATABASE)
    work = [("table", table.name) for table in TABLES] + [("mart", mart.name) for mart in MARTS]
    return sum(submit(stack, "bench/rivals/jdbc_job.py", *words) for words in work)


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises SystemExit after ten minutes."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"bench.round: not reached in {SECONDS} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
