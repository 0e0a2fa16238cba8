"""Take the events of Kafka's topics into the shop's database, each with exactly one outcome, until it is stopped.

Usage: spark-submit spark_jobs/stream_events.py [--until-caught-up]

Where it goes on stands in PostgreSQL and nowhere else; Spark's own checkpoint is made anew for each run.
"""

import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery

from spark_jobs.event_rules import UUID, copy_bytes, copy_line, copy_text, judge
from spark_jobs.failure import FAILURES, JobError, one_line
from storeline import dead_letters, kafka, ledger, postgres, stream_ledger
from storeline.kafka import KafkaError
from storeline.landing import DEAD, Landing
from storeline.postgres import PostgresError
from storeline.settings import Settings, load
from storeline.stream_ledger import Positions, StreamError
from storeline.topics import EVENT_TOPICS, Event, Kind, Topic

LARGE_BYTES = 64 << 10  # a dead event above this is fetched by itself
NAMES = [topic.name for topic in EVENT_TOPICS]
SECONDS_BETWEEN_REPORTS = 60
ATTEMPTS = 3


def main(arguments: Sequence[str]) -> None:
    """Run the stream. Exits with one line when it cannot go on; what was landed stays."""
    is_bounded = list(arguments) == ["--until-caught-up"]
    if arguments and not is_bounded:
        sys.exit(f"stream_events: {arguments[0]}: expected --until-caught-up or nothing")
    try:
        settings = load()
        with closing(Landing(postgres.stream(settings), ledger.new_run_id())) as landing:
            topic_ids = begin(settings, landing)
            spark = SparkSession.builder.appName("stream_events").getOrCreate()
            try:
                run(settings, spark, landing, topic_ids, is_bounded)
            finally:
                spark.stop()
    except FAILURES as error:
        sys.exit(f"stream_events: {one_line(error)}")


def begin(settings: Settings, landing: Landing) -> dict[str, str]:
    """Make this run the one that may write; return the id of each topic.

    Raises StreamError when the stored offsets do not lead on in Kafka, and KafkaError.
    """
    states = kafka.states(settings, NAMES)
    with landing.connection, landing.connection.cursor() as cursor:
        landing.positions = stream_ledger.begin(cursor, landing.run_id, NAMES, states)
    return {name: state.topic_id for name, state in states.items()}


def run(settings: Settings, spark: SparkSession, landing: Landing, topic_ids: dict[str, str], is_bounded: bool) -> None:
    """Take events until the run's time is over, or, where it is bounded, until there are no more.

    Raises one of FAILURES.
    """
    with ExitStack() as stack:
        Stream(settings, spark, landing, topic_ids, stack).run(is_bounded)


class Stream:
    """A run: Spark reads and judges the events, this process writes them."""

    def __init__(
        self, settings: Settings, spark: SparkSession, landing: Landing, topic_ids: dict[str, str], stack: ExitStack
    ) -> None:
        """Open what the run needs; `stack` closes it. Raises KafkaError."""
        self.settings, self.spark, self.landing, self.topic_ids = settings, spark, landing, topic_ids
        self.client = stack.enter_context(kafka.administration(settings))
        self.producer = kafka.producer(settings)
        stack.callback(self.producer.close, timeout=10)
        self.checkpoint = Path(
            stack.enter_context(TemporaryDirectory(prefix="stream_events-", ignore_cleanup_errors=True))
        )
        self.turn = threading.Lock()
        self.failure: BaseException | None = None
        self.events = 0

    def run(self, is_bounded: bool) -> None:
        """Take events until the run's time is over, or until there are no more. Raises one of FAILURES."""
        self.tidy_up()
        writer = self.frame().writeStream.foreachBatch(self.take).option("checkpointLocation", self.checkpoint.as_uri())
        milliseconds = self.settings.stream_trigger_milliseconds
        timed = writer.trigger(processingTime=f"{milliseconds} milliseconds")
        query = (writer.trigger(availableNow=True) if is_bounded else timed).start()
        print(f"stream_events: reads {', '.join(NAMES)} as run {self.landing.run_id}", flush=True)
        try:
            self.watch(query)
        except FAILURES as error:
            raise self.why(error) from None
        finally:
            # Waits for a batch that is being landed, which waits for its turn: so it is not held here.
            query.stop()
        print(f"stream_events: {self.events:,} events taken", flush=True)

    def watch(self, query: StreamingQuery) -> None:
        """Do what is to be done from time to time, as long as the query runs."""
        ends_at = time.monotonic() + self.settings.stream_run_seconds
        reported, said_at = 0, time.monotonic()
        while not query.awaitTermination(self.settings.stream_retry_seconds):
            self.tidy_up()
            if self.events > reported and time.monotonic() - said_at > SECONDS_BETWEEN_REPORTS:
                print(f"stream_events: {self.events:,} events taken", flush=True)
                reported, said_at = self.events, time.monotonic()
            if time.monotonic() > ends_at:
                return
        self.tidy_up()

    def tidy_up(self) -> None:
        """Try parked events again, and copy new dead letters to Kafka."""
        with self.turn:
            self.landing.retry(self.settings.stream_parked_seconds)
            dead_letters.copy_out(self.landing.connection, self.producer)

    def why(self, error: BaseException) -> BaseException:
        """Return what is behind a failure of the query: what this process raised, else what Kafka now lacks."""
        if self.landing.connection.closed:
            login = postgres.stream(self.settings)
            lost = self.failure if isinstance(self.failure, psycopg2.Error) else error
            return PostgresError(f"PostgreSQL at {login.host}:{login.port}: the connection is lost: {one_line(lost)}")
        if self.failure is not None:
            return self.failure
        try:
            with self.landing.connection, self.landing.connection.cursor() as cursor:
                stored = stream_ledger.stored_offsets(cursor)
            found = stream_ledger.problems(NAMES, stored, kafka.states(self.settings, NAMES))
        except (psycopg2.Error, KafkaError) as other:
            return other
        return StreamError("; ".join(found)) if found else error

    def frame(self) -> DataFrame:
        """Return the stream of COPY's lines of all topics: `kind` (a topic, or dead) and `line`."""
        return reduce(DataFrame.unionAll, (lines(self.source(topic), topic) for topic in EVENT_TOPICS))

    def source(self, topic: Topic) -> DataFrame:
        """Return Kafka's rows of a topic, from where the database says that it goes on."""
        return (
            self.spark.readStream.format("kafka")
            .options(**self.connection_options())
            .option("subscribe", topic.name)
            .option("startingOffsets", offsets_json(self.landing.positions, topic.name))
            .option("maxOffsetsPerTrigger", self.settings.stream_batch_events)
            .load()
        )

    def connection_options(self) -> dict[str, str]:
        """Return the options of every read of Kafka."""
        return {
            "kafka.bootstrap.servers": kafka.address(self.settings),
            "includeHeaders": "true",
            "failOnDataLoss": "true",
        }

    def take(self, frame: DataFrame, batch: int) -> None:
        """Land one micro-batch. Keeps what it raises for `why`."""
        try:
            found: dict[str, list[str]] = {}
            for kind, line in frame.collect():
                found.setdefault(kind, []).append(line)
            self.check_topics()
            with self.turn:
                self.land(found)
            self.events += sum(map(len, found.values()))
        except BaseException as error:
            self.failure = error
            # Spark searches what it is told for patterns that overflow its stack when the text is long.
            raise JobError("the batch was not landed") from None

    def land(self, found: dict[str, list[str]]) -> None:
        """Land the lines; a transaction that PostgreSQL undid because of another one is tried again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.landing.land(found, self.topic_ids, self.fetch)
                return
            except psycopg2.extensions.TransactionRollbackError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)

    def check_topics(self) -> None:
        """Raise StreamError when what was read may not be of the topics that the offsets belong to."""
        now = kafka.topic_ids(self.client, NAMES)
        if other := [name for name in NAMES if now.get(name) != self.topic_ids[name]]:
            raise StreamError(f"topic {other[0]} was deleted or made anew while it was read: {stream_ledger.OUT}")

    def fetch(self, topic: str, partition: int, offset: int) -> tuple[bytes | None, bytes | None]:
        """Return key and value of one event, read by itself. Raises StreamError when it is gone."""
        read = self.spark.read.format("kafka").options(**self.connection_options())
        row = (
            read.option("assign", json.dumps({topic: [partition]}))
            .option("startingOffsets", offsets_json({(topic, partition): offset}, topic))
            .option("endingOffsets", offsets_json({(topic, partition): offset + 1}, topic))
            .load()
            .select("key", "value")
            .first()
        )
        if row is None:
            raise StreamError(f"offset {offset} of {topic}[{partition}] is gone from Kafka: {stream_ledger.OUT}")
        return _bytes(row.key), _bytes(row.value)


def _bytes(held: bytearray | None) -> bytes | None:
    return None if held is None else bytes(held)


def offsets_json(positions: Positions, topic: str) -> str:
    """Return a topic's offsets as Spark's options take them."""
    return json.dumps({topic: {str(number): offset for (name, number), offset in positions.items() if name == topic}})


def lines(frame: DataFrame, topic: Topic) -> DataFrame:
    """Return a line of COPY for each of Kafka's rows: `kind` is the topic, or dead, and says what the line holds."""
    if topic.event is None:
        raise ValueError(f"{topic.name} carries no events")
    judged = judge(frame, topic.event)
    is_dead = F.col("error").isNotNull()
    return judged.select(
        F.when(is_dead, DEAD).otherwise(topic.name).alias("kind"),
        F.when(is_dead, copy_line(dead_columns())).otherwise(copy_line(good_columns(topic.event))).alias("line"),
    )


def common_columns() -> list[Column]:
    """Return what every staged event begins with."""
    headers = F.filter("headers", lambda header: header["key"] == dead_letters.REDRIVEN_HEADER)
    redriven_from = F.try_to_number(F.get(headers, F.lit(0))["value"].cast("string"), F.lit("9" * 18))
    return [F.col(name).cast("string") for name in ("topic", "partition", "offset", "timestamp")] + [
        redriven_from.cast("bigint").cast("string")
    ]


def good_columns(event: Event) -> list[Column]:
    """Return the columns of `landing.staged_columns`."""
    texts = {Kind.UUID, Kind.TEXT}
    fields = [
        copy_text(F.col(field.name)) if field.kind in texts else F.col(field.name).cast("string")
        for field in event.all_fields
    ]
    items = [F.to_json(event.items.name)] if event.items else []
    return [*common_columns(), *fields, *items, copy_text(F.col("key").cast("string")), copy_text(F.col("text"))]


def dead_columns() -> list[Column]:
    """Return the columns of `dead_letters.COLUMNS`."""
    is_large = F.coalesce(F.length("value"), F.lit(0)) + F.coalesce(F.length("key"), F.lit(0)) > LARGE_BYTES
    event_id = F.col("event.event_id")
    held = [F.when(~is_large, copy_bytes(F.col(name))) for name in ("key", "value")]
    return [
        *common_columns(),
        F.when(event_id.rlike(UUID), event_id),
        F.col("error.class"),
        copy_text(F.col("error.reason")),
        is_large.cast("string"),
        *held,
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
