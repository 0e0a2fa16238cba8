"""Copy every table of `storeline/tables.py` from PostgreSQL to MySQL, from one snapshot and visible at once.

Usage: spark-submit spark_jobs/replicate.py
"""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from pyspark.sql import SparkSession

from spark_jobs.chunk import PIPE_PATH, Chunk, Refused, copy_chunk
from spark_jobs.failure import FAILURES, JobError, one_line
from storeline import catalogue, ledger, mysql, postgres, replica
from storeline.catalogue import SourceTable
from storeline.generation import REPLICA
from storeline.settings import Settings, load
from storeline.tables import SOURCE_SCHEMA, TABLES

INDEX_THREADS = 2


def main() -> None:
    """Run one copy. Exits with one line when it fails; then the replica is what it was."""
    try:
        settings = load()
        signal.signal(signal.SIGALRM, _time_is_over)
        signal.alarm(settings.copy_timeout_seconds)
        with (
            closing(mysql.replicator(settings).connect()) as target,
            closing(postgres.endless(postgres.reader(settings))) as source,
        ):
            describe_all(source)  # before a cluster is asked for: what is wrong here needs none
            source.rollback()
            spark = SparkSession.builder.appName("replicate").getOrCreate()
            try:
                replicate(settings, spark, source, target)
            finally:
                spark.stop()
    except FAILURES as error:
        sys.exit(f"replicate: {one_line(error)}")


def _time_is_over(*_: object) -> None:
    raise JobError("the copy took longer than COPY_TIMEOUT_SECONDS; the replica stays as it was")


def replicate(settings: Settings, spark: SparkSession, source: Any, target: Any) -> None:
    """Copy, verify and publish all tables; write the ledger. Raises one of FAILURES."""
    slots = spark.sparkContext.defaultParallelism
    # The executors are there before the lock is taken; else two jobs would wait for each other.
    spark.sparkContext.parallelize(range(slots), slots).count()
    mysql.hold(target, replica.LOCK, settings.lock_wait_seconds)
    run_id = ledger.new_run_id()
    ledger.begin(target, run_id, "replicate")
    try:
        REPLICA.drop_dead_staging(target)
        names = [catalogue.quoted(source, SOURCE_SCHEMA, table.name) for table in TABLES]
        snapshot = postgres.take_snapshot(source, names, settings.lock_wait_seconds)
        tables = describe_all(source)
        staging = {table.name: f"{n:03}_{run_id}_{table.name}"[:64] for n, table in enumerate(tables)}
        numbers = load_staging(settings, spark, source, target, snapshot, tables, staging, run_id)
        add_indexes(settings, tables, staging, numbers)
        verify(settings, source, target, snapshot, tables, staging, numbers)
        for name, values in numbers.items():
            ledger.record_table(target, run_id, name, values)
        replica.publish(target, run_id, snapshot, staging, settings.swap_wait_seconds)
        mysql.do(target, "delete from ops.run_chunks where run_id <> %s", (run_id,))
        ledger.succeed(target, run_id, numbers)
    except FAILURES as error:
        ledger.fail(target, run_id, one_line(error))
        raise
    ledger.report(run_id, numbers)
    for name, values in numbers.items():
        print(f"replicate: {name}: {values['row_count']} rows, {values['byte_count']} bytes, contents equal")


def describe_all(source: Any) -> list[SourceTable]:
    """Return every table of `tables.py` as the catalogue has it. Raises CatalogueError with every problem found."""
    tables, problems = [], []
    for table in TABLES:
        try:
            tables.append(catalogue.describe(source, SOURCE_SCHEMA, table.name))
        except catalogue.CatalogueError as error:
            problems.append(str(error))
    if problems:
        raise catalogue.CatalogueError("; ".join(problems))
    return tables


def load_staging(
    settings: Settings,
    spark: SparkSession,
    source: Any,
    target: Any,
    snapshot: postgres.Snapshot,
    tables: list[SourceTable],
    staging: dict[str, str],
    run_id: str,
) -> dict[str, dict[str, Any]]:
    """Load every table's ranges on the executors; return each table's rows, bytes and seconds."""
    began, chunks = time.time(), []
    for table in tables:
        qualified = REPLICA.staged(staging[table.name])
        mysql.do(target, catalogue.staging_ddl(table, qualified))
        load_data = catalogue.load_statement(table, qualified, PIPE_PATH)
        lock = catalogue.source_name(source, table)
        for number, (first, end) in enumerate(table.page_ranges(settings.copy_chunk_mib << 20)):
            copy = catalogue.copy_query(source, table, first, end)
            chunks.append((table.bytes, Chunk(run_id, table.name, number, lock, copy, load_data)))
    # The longest first: else a large table's last range would run alone at the end.
    work = [chunk for _, chunk in sorted(chunks, key=lambda item: -item[0])]
    reader, writer, exported = postgres.reader(settings), mysql.replicator(settings), snapshot.exported
    results = (
        spark.sparkContext.parallelize(work, max(len(work), 1))
        .map(lambda chunk: copy_chunk(chunk, reader, writer, exported))
        .collect()
    )
    if refused := [result.message for result in results if isinstance(result, Refused)]:
        raise JobError("; ".join(refused[:3]))
    numbers = {}
    for table in tables:
        loaded = [r for r in results if not isinstance(r, Refused) and r.table == table.name]
        numbers[table.name] = {
            "row_count": sum(r.rows for r in loaded),
            "byte_count": sum(r.bytes for r in loaded),
            "copy_seconds": round(max(r.ended_at for r in loaded) - began, 3),
        }
    return numbers


def add_indexes(
    settings: Settings, tables: list[SourceTable], staging: dict[str, str], numbers: dict[str, dict[str, Any]]
) -> None:
    """Add the secondary indexes, several tables at a time."""

    def add(table: SourceTable) -> None:
        began = time.monotonic()
        with closing(mysql.replicator(settings).connect()) as connection:
            if statement := catalogue.index_ddl(table, REPLICA.staged(staging[table.name])):
                mysql.do(connection, statement)
            mysql.mark_loaded(connection, REPLICA.staged(staging[table.name]))
        numbers[table.name]["index_seconds"] = round(time.monotonic() - began, 3)

    with ThreadPoolExecutor(INDEX_THREADS) as pool:
        list(pool.map(add, sorted(tables, key=lambda table: -table.bytes)))


def verify(
    settings: Settings,
    source: Any,
    target: Any,
    snapshot: postgres.Snapshot,
    tables: list[SourceTable],
    staging: dict[str, str],
    numbers: dict[str, dict[str, Any]],
) -> None:
    """Compare each staging table with the snapshot: rows and the sum of their hashes, both sides at once.

    Raises JobError that names the first table that differs.
    """
    with ThreadPoolExecutor(1) as other_side:
        for table in tables:
            began = time.monotonic()
            theirs = other_side.submit(
                mysql.ask, target, catalogue.target_contents_query(table, REPLICA.staged(staging[table.name]))
            )
            with source.cursor() as cursor:
                cursor.execute(catalogue.source_contents_query(source, table))
                ours = cursor.fetchone()
            rows, content = theirs.result()[0]
            if (rows, content) != ours:
                raise JobError(
                    f"{table.name}: staging holds {rows} rows (hash {content}), the snapshot {ours[0]} (hash {ours[1]}); "
                    "the replica stays as it was"
                )
            numbers[table.name] |= {"verify_seconds": round(time.monotonic() - began, 3), "content_hash": content}


if __name__ == "__main__":
    main()
