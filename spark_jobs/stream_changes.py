"""Apply the shop's changes from Kafka's topic to the replica, whole transactions only, until stopped.

Usage: spark-submit spark_jobs/stream_changes.py [--until-caught-up]

The position is stored only in MySQL, with the tables; Spark's own checkpoint is recreated for each query. The job waits
for a server that does not answer, and for the replica's lock; it continues from the copy that the replica holds.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial

import psycopg2
from mysql.connector import InterfaceError, OperationalError, ProgrammingError
from pyspark.sql import SparkSession

from spark_jobs.change_stream import ChangeStream
from spark_jobs.executors import awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.kafka_source import STOP_LIMIT
from spark_jobs.session import session
from storeline import ledger
from storeline.changes import position, topic
from storeline.changes.applying import Applying, MovedError
from storeline.errors import Refusal, StorelineError
from storeline.replica.applied import STREAM
from storeline.settings import Settings, load
from storeline.stores import mysql, postgres
from storeline.stores.kafka import KafkaError
from storeline.stores.mysql import MysqlError
from storeline.stores.postgres import PostgresError
from storeline.streams.outage import Outage
from storeline.streams.stall import Positions, StallWatch
from storeline.topics import CHANGES

OUTAGES = (
    KafkaError,
    PostgresError,
    MysqlError,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    OperationalError,
    InterfaceError,
)
# Failures that need manual action. CopyNeededError is not one of them: Airflow tries again until there is a new copy.
REFUSALS = (Refusal, psycopg2.ProgrammingError, ProgrammingError)


def main(arguments: Sequence[str] = ()) -> None:
    """Run the stream. Exits with one line when it cannot continue; what was applied stays."""
    is_bounded = list(arguments) == ["--until-caught-up"]
    if arguments and not is_bounded:
        sys.exit(f"{STREAM}: {arguments[0]}: expected --until-caught-up or nothing")
    settings = None
    try:
        settings = load()
        keep_applying(settings, is_bounded)
    except FAILURES as error:
        if isinstance(error, REFUSALS):
            ledger.report_refusal(one_line(error), progress(settings))
        sys.exit(f"{STREAM}: {one_line(error)}")


def keep_applying(settings: Settings, is_bounded: bool) -> None:
    """Apply changes until the run's time is up, or until there are no more; wait for servers that do not answer.

    Raises one of FAILURES.
    """
    run_id, ends_at = ledger.new_run_id(), time.monotonic() + settings.stream_run_seconds
    outage, spark = Outage(STREAM, settings.stream_outage_seconds), None
    with ExitStack() as stack:
        stall = stack.enter_context(StallWatch(STREAM, settings))
        while True:
            try:
                with (
                    closing(postgres.reader(settings).connect()) as source,
                    closing(Applying(mysql.replicator(settings), source, run_id)) as applying,
                ):
                    begin(settings, applying, is_again=spark is not None)
                    if spark is None:
                        spark = stack.enter_context(session(STREAM, STOP_LIMIT))
                        stack.enter_context(awaited(spark, settings.spark_executor_wait_seconds))
                    outage.end()
                    with stall.over(partial(positions, applying)):
                        run(settings, spark, applying, is_bounded, ends_at)
                return
            except MovedError:
                continue
            except OUTAGES as error:
                if isinstance(error, Refusal):
                    raise
                outage.wait(error)


def begin(settings: Settings, applying: Applying, is_again: bool = False) -> None:
    """Make this run the one that may write, or check that it still is. Raises CopyNeededError, StorelineError."""
    if not is_again:
        for run_id in applying.end_predecessors():
            print(f"{STREAM}: ended the session of run {run_id}, which was still open", flush=True)
    applying.begin(partial(topic.resumable, settings), is_again)


def run(
    settings: Settings, spark: SparkSession, applying: Applying, is_bounded: bool, ends_at: float = float("inf")
) -> None:
    """Apply changes until a deadline, or, if bounded, until there are no more. Raises one of FAILURES."""
    with ExitStack() as stack:
        ChangeStream(settings, spark, applying, stack).run(is_bounded, ends_at)


def positions(applying: Applying) -> Positions | None:
    """Return how far a session has read, None while it waits for the replica's lock."""
    return None if applying.lock.is_waiting else {(CHANGES.name, 0): applying.read_to}


def progress(settings: Settings | None) -> int | None:
    """Return a number that grows with each change applied, None if MySQL does not provide it."""
    if settings is None:
        return None
    try:
        with closing(mysql.replicator(settings).connect()) as connection:
            found = position.stored(connection)
            return found.next_offset if found else 0
    except (StorelineError, OperationalError, InterfaceError, ProgrammingError):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
