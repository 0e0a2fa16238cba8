"""The contestants of the copy: ours and its rivals, each of which copies tables into a database of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from bench.outcome import Outcome, read
from bench.rivals import sling_copy
from bench.rivals.environment import folder_of
from bench.rivals.urls import source_url, target_url
from bench.stack import job_environment, submission
from native.stack import Stack
from storeline.settings import ROOT
from storeline.stores import mysql
from storeline.tables import SOURCE_SCHEMA

COPY, UNVERIFIED = "copy", "copy-unverified"
Contestant = Callable[[Stack, Sequence[str], bool], Outcome]  # whether each table is copied in a run of its own
LAST = """select timestampdiff(microsecond, started_at, ended_at) / 1e6 from ops.runs
          where job = 'replicate' order by started_at desc limit 1"""


def database_of(name: str) -> str:
    """Return the database that a contestant fills."""
    return "replica" if name in (COPY, UNVERIFIED) else f"rival_{name.replace('-', '_')}"


def recreate(stack: Stack, name: str) -> str:
    """Create a rival's database, empty; return its name."""
    database = database_of(name)
    with closing(mysql.admin(stack.settings).connect()) as connection:
        mysql.do(connection, f"drop database if exists {database}")
        mysql.do(connection, f"create database {database} character set utf8mb4 collate utf8mb4_0900_bin")
    return database


def run(command: Sequence[str], environment: dict[str, str], text: str | None = None) -> str:
    """Run a contestant's process; return what it printed. Raises CalledProcessError."""
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout


def ours(verification: str, slots: int | None = None) -> Contestant:
    """Return the product's copy, `verified` or `unverified`, from its first look at the source to the swap.

    It has as many slots of the cluster as the settings say, or `slots`.
    """

    def copy(stack: Stack, tables: Sequence[str], is_apart: bool = False) -> Outcome:
        cores = slots or stack.settings.spark_batch_cores
        command = submission(stack, "bench/jobs/copy_tables.py", verification, *tables, cores=cores)
        done = subprocess.run(
            command, env=job_environment(stack), capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode:
            # spark-submit passes on what Python writes, errors included, to its standard output.
            lines = (done.stderr + done.stdout).strip().splitlines()
            said = [line for line in lines if line.startswith("replicate: ")] or lines[-1:]
            return Outcome(0, dict.fromkeys(tables, said[-1]))
        with closing(mysql.admin(stack.settings).connect()) as connection:
            ((seconds,),) = mysql.ask(connection, LAST)
        return Outcome(float(seconds))

    return copy


def jdbc(kind: str) -> Contestant:
    """Return Spark's JDBC, `plain` or `tuned`."""

    def copy(stack: Stack, tables: Sequence[str], is_apart: bool = False) -> Outcome:
        database = recreate(stack, f"spark-jdbc-{kind}")
        cores = stack.settings.spark_batch_cores
        command = submission(stack, "bench/rivals/jdbc_copy.py", kind, database, *tables, cores=cores)
        return read(run(command, job_environment(stack)))

    return copy


def raw_pipe(stack: Stack, tables: Sequence[str], is_apart: bool = False) -> Outcome:
    """Copy through pipes."""
    command = (sys.executable, "-m", "bench.rivals.raw_pipe", recreate(stack, "raw-pipe"), *tables)
    return read(run(command, stack.environment()))


def dlt(stack: Stack, tables: Sequence[str], is_apart: bool = False) -> Outcome:
    """Copy with dlt."""
    job = {
        "source": source_url(stack.settings, "postgresql+psycopg2"),
        "schema": SOURCE_SCHEMA,
        "target": target_url(stack.settings, "mysql+pymysql", database := recreate(stack, "dlt")),
        "database": database,
        "runs": [[table] for table in tables] if is_apart else [list(tables)],
    }
    command = (str(folder_of("dlt") / "bin" / "python"), "bench/rivals/dlt_copy.py")
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return read(run(command, environment, json.dumps(job)))


def sling(stack: Stack, tables: Sequence[str], is_apart: bool = False) -> Outcome:
    """Copy with sling."""
    return sling_copy.copy(
        stack.settings, recreate(stack, "sling"), [[table] for table in tables] if is_apart else [tables]
    )


RIVALS: dict[str, Contestant] = {
    "spark-jdbc-plain": jdbc("plain"),
    "spark-jdbc-tuned": jdbc("tuned"),
    "dlt": dlt,
    "sling": sling,
    "raw-pipe": raw_pipe,
}
CONTESTANTS: dict[str, Contestant] = {COPY: ours("verified"), UNVERIFIED: ours("unverified")} | RIVALS


def timed(name: str, stack: Stack, tables: Sequence[str]) -> tuple[Outcome, float]:
    """Let a contestant copy tables; return its outcome, and the seconds of its start and end, which it leaves out."""
    began = time.monotonic()
    outcome = CONTESTANTS[name](stack, tables, False)
    return outcome, time.monotonic() - began - outcome.seconds
