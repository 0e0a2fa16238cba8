"""Build all marts of `spark_jobs/marts/` from one state of the replica, audit them, and publish them together.

Usage: spark-submit spark_jobs/build_marts.py
"""

import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import reduce
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from spark_jobs import jdbc
from spark_jobs.audit import ROWS, AuditError, audit, counted, resolve
from spark_jobs.executors import QUICK_COMPILER, awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.recording import recorded, tidying
from spark_jobs.session import session
from spark_jobs.watch import Watch, watching
from storeline import ledger, task
from storeline.changes import position
from storeline.errors import Refusal, StorelineError
from storeline.generation import MARTS, REPLICA
from storeline.ledger import TableRun, TableRuns
from storeline.marts import ddl, publication, views
from storeline.marts.contract import Mart
from storeline.marts.contract import load as load_marts
from storeline.replica import bases, last_verification
from storeline.settings import Settings, load
from storeline.stores import mysql, mysql_locks, mysql_swap

STORED = StorageLevel.MEMORY_AND_DISK
THREADS = 4  # so that small queries do not wait for each other's planning
# The inputs are in memory before a query is planned, so their sizes are known; replanning after each stage would
# double the jobs, which dominate the cost of a small shop's marts.
PLANNING = ("spark.sql.adaptive.enabled", "false")
# A small table has one partition, so nothing is shuffled for a join; broadcasting one side would be a job of its own.
NO_BROADCAST = ("spark.sql.autoBroadcastJoinThreshold", "-1")
SWAPPED = "an executor was lost and the replica changed after it was read; the marts are unchanged: run again"
REFUSED = "java.sql.BatchUpdateException"  # the driver's error when MySQL refuses a row
SMALL_BYTES = 32 << 20  # of the whole replica; docs/decisions.md has the measurements


def main() -> None:
    """Run one build. Exits with one line for each problem; the marts are then unchanged."""
    try:
        settings = load()
        marts = load_marts()
        login = mysql.mart_builder(settings)
        limit = "BUILD_TIMEOUT_SECONDS", settings.build_timeout_seconds
        with (
            watching(Watch("build_marts", login, MARTS, limit)) as watch,
            closing(login.connect(conn_attrs=task.attributes())) as target,
        ):
            is_small = mysql.data_bytes(target, REPLICA.live) < SMALL_BYTES
            options = (PLANNING, NO_BROADCAST, QUICK_COMPILER) if is_small else (PLANNING,)
            with session("build_marts", *options) as spark, awaited(spark, settings.spark_executor_wait_seconds):
                build_marts(settings, spark, marts, target, watch)
    except StorelineError as error:
        said = "\n".join(f"build_marts: {line}" for line in str(error).splitlines())
        if isinstance(error, Refusal):
            ledger.report_refusal(said, None)
        sys.exit(said)
    except FAILURES as error:
        sys.exit(f"build_marts: {one_line(error)}")


def build_marts(
    settings: Settings, spark: SparkSession, marts: tuple[Mart, ...], target: Any, watch: Watch | None = None
) -> None:
    """Read, build, audit and publish; write the ledger. Raises AuditError with all broken rules, or one of FAILURES."""
    # Get executors before taking a lock; otherwise two jobs would wait for each other.
    spark.range(1).count()
    mysql_locks.hold(target, publication.LOCK, settings.lock_wait_seconds)
    run_id = ledger.new_run_id()
    with recorded(mysql.mart_builder(settings), target, run_id, "build_marts", MARTS, watch) as check:
        clear_away(target)
        MARTS.refuse_foreign(target, [mart.name for mart in marts])
        tables, bases, applied = read_replica(settings, spark, marts, target)
        tables_of_marts = [mart.name for mart in marts if not mart.is_view]
        staged = {name: MARTS.staging_name(n, run_id, name) for n, name in enumerate(tables_of_marts)}
        numbers = fill_staging(settings, marts, tables, staged)
        ledger.record_tables(target, run_id, numbers)
        publication.publish(
            target, run_id, marts, staged, numbers, bases, settings.swap_wait_seconds, check, changes=applied or 0
        )
    with tidying("build_marts"):
        views.make_missing(target, marts)
        clear_away(target)
    for name, mart in numbers.items():
        print(f"build_marts: {name}: {mart.row_count} rows")


def clear_away(target: Any) -> None:
    """Drop what a swap, or a run that died, left behind."""
    MARTS.drop_dead_staging(target)
    views.drop_left_overs(target)


def read_replica(
    settings: Settings, spark: SparkSession, marts: tuple[Mart, ...], target: Any
) -> tuple[dict[str, DataFrame], dict[str, bases.Base], int | None]:
    """Return every table that a mart reads, persisted, its base, and how many changes the stream had applied.

    All are from one state of the replica; without a stream there is no number.

    The lock is held only while the tables are read, so that neither a copy nor the stream changes them meanwhile; a
    block that is lost and reread later comes from the same state, or raises an error. Raises StorelineError when the
    replica lacks a table, and Refusal when one was found to differ from the source.
    """
    names = sorted({name for mart in marts for name in mart.reads} - {mart.name for mart in marts})
    if set(names) - bases.current(target).keys():
        # A copy in progress may bring them.
        mysql_locks.hold(target, bases.COPY_LOCK, settings.lock_wait_seconds)
        mysql_locks.release(target, bases.COPY_LOCK)
    mysql_locks.hold(target, bases.LOCK, settings.lock_wait_seconds)
    held = bases.current(target)
    if missing := [name for name in names if name not in held]:
        raise StorelineError(f"the replica has no {', '.join(missing)} yet: run replicate_postgres_to_mysql first")
    if settings.marts_refuse_differing_replica:
        last_verification.refuse_differing(target, names)
    applied = position.applied(target)
    tables = {name: jdbc.read(settings, spark, target, name, held[name].run_id, applied) for name in names}
    for table in tables.values():
        table.persist(STORED)
    # One job for all of them.
    reduce(DataFrame.union, [table.select(F.lit(1)) for table in tables.values()]).count()
    mysql_locks.release(target, bases.LOCK)
    return tables, {name: held[name] for name in names}, applied


def fill_staging(
    settings: Settings, marts: tuple[Mart, ...], tables: Mapping[str, DataFrame], staged: Mapping[str, str]
) -> TableRuns:
    """Compute, audit and load every mart into staging; return each mart's rows and seconds.

    Raises AuditError with the broken rules of all marts, after checking every mart.
    """
    with same_generation():
        return _fill_all(settings, marts, tables, staged)


@contextmanager
def same_generation() -> Iterator[None]:
    """Report in one line why a lost block could not be reread. Raises StorelineError."""
    try:
        yield
    except FAILURES as error:
        if jdbc.OTHER_GENERATION in str(error):
            raise StorelineError(SWAPPED) from None
        raise


def _fill_all(
    settings: Settings, marts: tuple[Mart, ...], tables: Mapping[str, DataFrame], staged: Mapping[str, str]
) -> TableRuns:
    known, fills, broken = dict(tables), [], []
    with ThreadPoolExecutor(THREADS) as pool:
        for mart in marts:
            if not set(mart.reads) <= set(known):
                continue  # its input is broken, and is reported below
            try:
                known[mart.name] = resolve(mart, known).persist(STORED)
            except AuditError as error:
                broken.append(str(error))
            else:
                fills.append(pool.submit(_fill, settings, mart, known[mart.name], staged.get(mart.name)))
    broken += [str(failure) for fill in fills if isinstance(failure := fill.exception(), AuditError)]
    if broken:
        raise AuditError("\n".join(broken))
    return dict(fill.result() for fill in fills)


def _fill(settings: Settings, mart: Mart, frame: DataFrame, table: str | None) -> tuple[str, TableRun]:
    """Audit one mart and load it into its staging table; a view has none."""
    began = time.monotonic()
    if table is None:
        return mart.name, TableRun(audit(frame, mart), check_seconds=round(time.monotonic() - began, 3))
    with closing(mysql.mart_builder(settings).connect()) as connection:
        mysql.do(connection, ddl.create_table(mart, MARTS.staged(table)))
        rows = _load_audited(settings, mart, frame, table)
        mysql_swap.mark_loaded(connection, MARTS.staged(table))
        loaded = mysql.ask(connection, f"select count(*) from {MARTS.staged(table)}")[0][0]
    if loaded != rows:
        raise StorelineError(f"mart {mart.name}: {loaded} of {rows} rows arrived; the marts are unchanged")
    return mart.name, TableRun(rows, copy_seconds=round(time.monotonic() - began, 3))


def _load_audited(settings: Settings, mart: Mart, frame: DataFrame, table: str) -> int:
    """Load a mart into its staging table and return its number of rows. Raises AuditError with the broken rules.

    The rules are counted as the rows pass, and the table's primary key keeps the grain, so the rows are computed once.
    Only what breaks a rule is read again, for the examples.
    """
    observation = Observation()
    try:
        jdbc.append(settings, counted(frame, mart, observation), MARTS.staging, table)
    except FAILURES as error:
        if REFUSED in str(error):
            audit(frame, mart)  # MySQL refuses what breaks most rules, but cannot name them
        raise
    numbers = observation.get
    if any(numbers[rule] for rule in numbers if rule != ROWS):
        audit(frame, mart)
        raise StorelineError(f"mart {mart.name}: its query returns other rows when it runs again")
    return int(numbers[ROWS])


if __name__ == "__main__":
    main()
