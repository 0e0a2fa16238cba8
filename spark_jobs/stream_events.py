"""Land the events of Kafka's topics in the shop's database, each with exactly one outcome, until stopped.

Usage: spark-submit spark_jobs/stream_events.py [--until-caught-up]

The position is stored only in PostgreSQL; Spark's own checkpoint is recreated for each query. The job waits for a
server that does not answer; failures that need manual action go into the run's report.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing

import psycopg2
from pyspark.sql import SparkSession

from spark_jobs.event_stream import Stream
from spark_jobs.executors import awaited
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.kafka_source import STOP_LIMIT
from spark_jobs.session import session
from storeline import ledger
from storeline.errors import Refusal, StorelineError
from storeline.events import offsets
from storeline.events.landing import Landing
from storeline.events.lines import NAMES
from storeline.events.topic_checks import hold_to_kafka
from storeline.settings import Settings, load
from storeline.stores import kafka_topics, postgres
from storeline.stores.kafka import KafkaError
from storeline.stores.postgres import PostgresError, PostgresRefusal
from storeline.streams.outage import Outage
from storeline.streams.stall import StallWatch

OUTAGES = (KafkaError, PostgresError, psycopg2.OperationalError, psycopg2.InterfaceError)
# Failures that need manual action.
REFUSALS = (Refusal, psycopg2.ProgrammingError)


def main(arguments: Sequence[str] = ()) -> None:
    """Run the stream. Exits with one line when it cannot continue; landed events stay."""
    is_bounded = list(arguments) == ["--until-caught-up"]
    if arguments and not is_bounded:
        sys.exit(f"stream_events: {arguments[0]}: expected --until-caught-up or nothing")
    settings = None
    try:
        settings = load()
        keep_taking(settings, is_bounded)
    except FAILURES as error:
        if isinstance(error, REFUSALS):
            ledger.report_refusal(one_line(error), progress(settings))
        sys.exit(f"stream_events: {one_line(error)}")


def keep_taking(settings: Settings, is_bounded: bool) -> None:
    """Take events until the run's time is up, or until there are no more; wait for servers that do not answer.

    Raises one of FAILURES.
    """
    run_id, ends_at = ledger.new_run_id(), time.monotonic() + settings.stream_run_seconds
    outage, has_begun = Outage(offsets.STREAM, settings.stream_outage_seconds), False
    with ExitStack() as stack:
        stall = stack.enter_context(StallWatch(offsets.STREAM, settings))
        while True:
            try:
                with closing(Landing(postgres.stream(settings), run_id)) as landing:
                    topic_ids = begin(settings, landing, is_again=has_begun)
                    if not has_begun:
                        spark = stack.enter_context(session("stream_events", STOP_LIMIT))
                        stack.enter_context(awaited(spark, settings.spark_executor_wait_seconds))
                        has_begun = True
                    outage.end()
                    with stall.over(lambda: landing.positions):
                        run(settings, spark, landing, topic_ids, is_bounded, ends_at)
                return
            except OUTAGES as error:
                if isinstance(error, PostgresRefusal):
                    raise
                outage.wait(error)


def begin(settings: Settings, landing: Landing, is_again: bool = False) -> dict[str, str]:
    """Make this run the one that may write, or check that it still is; return the id of each topic.

    Raises Refusal when the stored offsets cannot be resumed in Kafka, StorelineError, KafkaError and psycopg2.Error.
    """
    with landing.connection, landing.connection.cursor() as cursor:
        offsets.name_session(cursor, landing.run_id)
        if is_again:
            offsets.claim(cursor, landing.run_id)
        else:
            for run_id in offsets.end_sessions(cursor):
                print(f"stream_events: ended the session of run {run_id}, which was still open", flush=True)
        hold_to_kafka(settings, offsets.stored_offsets(cursor))
        states = kafka_topics.states(settings, NAMES)
        landing.positions = offsets.begin(cursor, landing.run_id, states)
    return {name: state.topic_id for name, state in states.items()}


def run(
    settings: Settings,
    spark: SparkSession,
    landing: Landing,
    topic_ids: dict[str, str],
    is_bounded: bool,
    ends_at: float = float("inf"),
) -> None:
    """Take events until a deadline, or, if bounded, until there are no more. Raises one of FAILURES."""
    with ExitStack() as stack:
        Stream(settings, spark, landing, topic_ids, stack).run(is_bounded, ends_at)


def progress(settings: Settings | None) -> int | None:
    """Return a number that grows with each event taken, None if PostgreSQL does not provide it."""
    if settings is None:
        return None
    try:
        with closing(postgres.stream(settings).connect()) as connection, connection.cursor() as cursor:
            return offsets.progress(cursor)
    except (StorelineError, psycopg2.Error):
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
