"""Copy every table of `storeline/tables.py` from PostgreSQL to MySQL: from one snapshot, made visible together.

Usage: spark-submit spark_jobs/replicate.py
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from mysql.connector import ProgrammingError
from pyspark.sql import SparkSession

from spark_jobs.executors import QUICK_COMPILER, awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.recording import recorded, tidying
from spark_jobs.session import session
from spark_jobs.watch import Watch, watching
from storeline import ledger, task
from storeline.changes import position
from storeline.changes.position import Position
from storeline.changes.staged_tables import CatchingUp
from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.ledger import TableRun, TableRuns
from storeline.replica import bases, capture, finishing, transfer
from storeline.replica.chunk import PIPE_PATH, Chunk, Loaded, Refused, copy_chunk
from storeline.replica.contents import Contents
from storeline.replica.source import SourceTable, describe_all, quoted
from storeline.settings import Settings, load
from storeline.stores import mysql, mysql_locks, postgres
from storeline.tables import SOURCE_SCHEMA, TABLES


@dataclass(frozen=True)
class Copy:
    """One run of the copy: its connections, the snapshot it reads, and where each table is staged."""

    settings: Settings
    source: Any
    target: Any
    run_id: str
    capture: capture.Capture
    snapshot: postgres.Snapshot
    before: Position | None  # where the stream of changes was before the snapshot
    tables: list[SourceTable]
    staging: dict[str, str]

    def staged(self, table: SourceTable) -> str:
        """Return the quoted name of a table's staging table."""
        return REPLICA.staged(self.staging[table.name])

    def catching_up(self) -> CatchingUp:
        """Return what brings the staged tables to where the stream of changes is."""
        base = bases.Base(self.run_id, self.snapshot.visible, self.capture)
        return CatchingUp(self.settings, base, self.source, self.tables, self.staging, self.before)


def main() -> None:
    """Run one copy. Exits with one line on failure; the replica is then unchanged."""
    try:
        settings = load()
        login = mysql.replicator(settings)
        limit = "COPY_TIMEOUT_SECONDS", settings.copy_timeout_seconds
        with (
            watching(Watch("replicate", login, REPLICA, limit)) as watch,
            closing(login.connect(conn_attrs=task.attributes())) as target,
            closing(postgres.endless(postgres.reader(settings))) as source,
            # Whatever a table's size, Python does the work and Java only passes it on.
            session("replicate", QUICK_COMPILER) as spark,
            awaited(spark, settings.spark_executor_wait_seconds),
        ):
            watch.source = source
            replicate(settings, spark, source, target, watch)
    except FAILURES as error:
        sys.exit(f"replicate: {one_line(error)}")


def replicate(settings: Settings, spark: SparkSession, source: Any, target: Any, watch: Watch | None = None) -> None:
    """Copy, verify and publish all tables; write the ledger. Raises one of FAILURES."""
    names = [table.name for table in TABLES]
    describe_all(source, SOURCE_SCHEMA, names)
    source.rollback()
    # Get executors before taking the lock; otherwise two jobs would wait for each other.
    slots = spark.sparkContext.defaultParallelism
    spark.sparkContext.parallelize(range(slots), slots).count()
    mysql_locks.hold(target, bases.COPY_LOCK, settings.lock_wait_seconds)
    run_id = ledger.new_run_id()
    with recorded(mysql.replicator(settings), target, run_id, "replicate", REPLICA, watch) as check:
        REPLICA.drop_dead_staging(target)
        REPLICA.refuse_foreign(target, names)
        copy = begin(settings, source, target, run_id, names)
        numbers, sent = load_staging(copy, spark)
        finish_staging(copy, numbers, sent)
        ledger.record_tables(target, run_id, numbers)
        publish(copy, check)
    with tidying("replicate"):
        REPLICA.drop_dead_staging(target)
        mysql.do(target, "delete from ops.run_chunks where run_id <> %s", (run_id,))
    for name, table in numbers.items():
        print(f"replicate: {name}: {table.row_count} rows, {table.byte_count} bytes, contents equal")


def publish(copy: Copy, check: Callable[[], None]) -> None:
    """Bring the staged tables to where the stream of changes is, and make them the replica."""
    with closing(copy.catching_up()) as catching_up:
        catching_up.roughly(copy.target)
        # From here on the stream, the marts and a verification wait.
        mysql_locks.hold(copy.target, bases.LOCK, copy.settings.lock_wait_seconds)
        catching_up.finish(copy.target)
        waits = copy.settings.swap_wait_seconds
        bases.publish(copy.target, copy.run_id, copy.snapshot, copy.capture, copy.staging, waits, check)


def begin(settings: Settings, source: Any, target: Any, run_id: str, names: list[str]) -> Copy:
    """Take the snapshot and create the staging tables."""
    before = position.stored(target)
    seen = capture.seen(settings, source)
    quoted_names = [quoted(source, SOURCE_SCHEMA, name) for name in names]
    snapshot = postgres.take_snapshot(source, quoted_names, settings.lock_wait_seconds)
    tables = describe_all(source, SOURCE_SCHEMA, names)
    staging = {table.name: REPLICA.staging_name(n, run_id, table.name) for n, table in enumerate(tables)}
    copy = Copy(settings, source, target, run_id, seen, snapshot, before, tables, staging)
    for table in tables:
        try:
            mysql.do(target, transfer.staging_ddl(table, copy.staged(table)))
        except ProgrammingError as error:
            where = f"{table.schema}.{table.name}"
            raise StorelineError(f"{where}: MySQL cannot hold this table: {one_line(error)}") from None
    return copy


def load_staging(copy: Copy, spark: SparkSession) -> tuple[TableRuns, dict[str, Contents]]:
    """Load every table's ranges on the executors; return what that took, and what was sent of each table."""
    began = time.time()
    reader, writer = postgres.reader(copy.settings), mysql.replicator(copy.settings)
    exported, work = copy.snapshot.exported, chunks(copy)
    results = (
        spark.sparkContext.parallelize(work, len(work))
        .map(lambda chunk: copy_chunk(chunk, reader, writer, exported))
        .collect()
    )
    if refused := [result.message for result in results if isinstance(result, Refused)]:
        raise StorelineError("; ".join(refused[:3]))
    numbers, sent = {}, {}
    for table in copy.tables:
        loaded = [result for result in results if isinstance(result, Loaded) and result.table == table.name]
        sent[table.name] = sum((result.contents for result in loaded), Contents())
        numbers[table.name] = TableRun(
            row_count=sent[table.name].rows,
            byte_count=sum(result.bytes for result in loaded),
            copy_seconds=round(max(result.ended_at for result in loaded) - began, 3),
        )
    return numbers, sent


def chunks(copy: Copy) -> list[Chunk]:
    """Return every range of every table, the largest table first: otherwise its last range would run alone."""
    found = []
    for table in sorted(copy.tables, key=lambda table: -table.bytes):
        load_data = transfer.load_statement(table, copy.staged(table), PIPE_PATH)
        origin = quoted(copy.source, table.schema, table.name)
        for number, (first, end) in enumerate(table.page_ranges(copy.settings.copy_chunk_mib << 20)):
            send = transfer.copy_pages(copy.source, table, first, end)
            found.append(Chunk(copy.run_id, table.name, number, origin, send, load_data))
    return found


def finish_staging(copy: Copy, numbers: TableRuns, sent: dict[str, Contents]) -> None:
    """Add the secondary indexes and compare each table with what was sent. Raises StorelineError where it differs."""
    finishing.finish(mysql.replicator(copy.settings), copy.tables, copy.staged, numbers, sent)


if __name__ == "__main__":
    main()
