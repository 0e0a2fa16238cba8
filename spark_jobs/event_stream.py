"""The event stream as a query: Spark reads and judges the events, this process lands them."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import psycopg2
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from spark_jobs import event_judging, event_source
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.kafka_source import KAFKA_FAILED, SPARK_FAILURES, limit_arrow, stop
from storeline.errors import Refusal
from storeline.events import offsets, unreadable
from storeline.events.background import BackgroundLanding
from storeline.events.landing import Landing
from storeline.events.lines import KINDS, NAMES, Part
from storeline.events.topic_checks import check_unchanged, hold_to_kafka, lasting_problems
from storeline.events.unreadable import is_unreadable
from storeline.events.upkeep import Upkeep
from storeline.settings import Settings
from storeline.stores import kafka, postgres
from storeline.stores.kafka import KafkaError
from storeline.stores.postgres import PostgresError
from storeline.streams.background import NotTakenError

# Lines sent to this process at once, in characters; while they are landed, as many again are read.
MOST_CHARACTERS = 64 << 20
SECONDS_BETWEEN_REPORTS = 60
SECONDS_BETWEEN_LOOKS = 15
OF_SPARK = (NotTakenError, *SPARK_FAILURES)


class Stream:
    """A run of the query, starting at the stored offsets."""

    def __init__(
        self, settings: Settings, spark: SparkSession, landing: Landing, topic_ids: dict[str, str], stack: ExitStack
    ) -> None:
        """Open what the run needs; `stack` closes it. Raises KafkaError."""
        self.settings, self.spark, self.landing, self.topic_ids = settings, spark, landing, topic_ids
        self.client = stack.enter_context(kafka.administration(settings))
        producer = kafka.producer(settings)
        stack.callback(producer.close, timeout=10)
        checkpoints = TemporaryDirectory(prefix="stream_events-", ignore_cleanup_errors=True)
        self.checkpoints = Path(stack.enter_context(checkpoints))
        self.background = BackgroundLanding(landing, topic_ids, partial(event_source.fetch, settings, spark))
        stack.callback(self.background.close)
        self.upkeep = Upkeep(settings, self.background, producer)

    def run(self, is_bounded: bool, ends_at: float) -> None:
        """Take events until a deadline, or until there are no more. Raises one of FAILURES."""
        try:
            self.upkeep.run()
            self.take_all(is_bounded, ends_at)
            self.upkeep.run()
        except FAILURES as error:
            # A batch that is being landed uses the connection exclusively.
            self.background.close()
            raise self.why(error) from None
        print(f"stream_events: {self.background.events:,} events taken", flush=True)

    def take_all(self, is_bounded: bool, ends_at: float) -> None:
        """Take events until they end or a deadline passes; those that Spark cannot read, without it."""
        is_done = False
        while not is_done:
            try:
                self.query(is_bounded, ends_at)
                is_done = True
            except FAILURES as error:
                if not is_unreadable(self.background.failure or error) or not self.take_unreadable():
                    raise

    def query(self, is_bounded: bool, ends_at: float) -> None:
        """Run a query, and wait until its last batch is landed."""
        checkpoint = Path(mkdtemp(dir=self.checkpoints)).as_uri()
        limit_arrow(self.spark)
        messages = event_source.frame(self.settings, self.spark, self.landing.positions)
        writer = messages.writeStream.foreachBatch(self.take).option("checkpointLocation", checkpoint)
        milliseconds = self.settings.stream_trigger_milliseconds
        timed = writer.trigger(processingTime=f"{milliseconds} milliseconds")
        query = (writer.trigger(availableNow=True) if is_bounded else timed).start()
        print(f"stream_events: reading {', '.join(NAMES)} as run {self.landing.run_id}", flush=True)
        try:
            self.watch(query, ends_at)
        finally:
            stop(query, offsets.STREAM)
        self.background.settle()

    def take_unreadable(self) -> int:
        """Take each partition's next messages without Spark, and return their number."""
        self.background.settle()
        self.background.failure, before = None, self.background.events
        print("stream_events: a message has a time that Spark cannot read: reading around it without Spark", flush=True)
        most = self.settings.stream_batch_events
        for part in unreadable.read(self.settings, self.landing.positions, most, MOST_CHARACTERS):
            check_unchanged(self.client, self.topic_ids)
            self.background.land(part.lines)
        return self.background.events - before

    def watch(self, query: StreamingQuery, ends_at: float) -> None:
        """Do the upkeep while the query runs, and report progress.

        Raises KafkaError when Kafka is gone, and Refusal when the next events are: Spark would ask for them for many
        minutes.
        """
        reported, said_at, looked_at = 0, time.monotonic(), time.monotonic()
        while not query.awaitTermination(self.settings.stream_retry_seconds):
            self.background.look()
            self.upkeep.run()
            now = time.monotonic()
            if now - looked_at > SECONDS_BETWEEN_LOOKS:
                hold_to_kafka(self.settings, self.stored())
                looked_at = now
            if self.background.events > reported and now - said_at > SECONDS_BETWEEN_REPORTS:
                print(f"stream_events: {self.background.events:,} events taken", flush=True)
                reported, said_at = self.background.events, now
            if now > ends_at:
                return

    def stored(self) -> dict[offsets.Place, tuple[str, int]]:
        """Return the topic id and next offset of each partition, as stored by this run."""
        return {place: (self.topic_ids[place[0]], offset) for place, offset in self.landing.positions.items()}

    def take(self, frame: DataFrame, batch: int) -> None:
        """Read and judge one micro-batch, and have it landed: whole, or in parts if its events are large.

        Raises NotTakenError.
        """
        taken: dict[tuple[str, int], int] = {}
        is_left = True
        while is_left:
            with self.background.keeping():
                found = self.read(frame, taken)
                check_unchanged(self.client, self.topic_ids)
            lines = {kind: list(chain.from_iterable(one.lines.get(kind, ()) for one in found)) for kind in KINDS}
            self.background.submit(lines)
            taken |= {(one.topic, one.partition): one.last for one in found}
            is_left = any(one.is_cut for one in found)

    def read(self, frame: DataFrame, taken: Mapping[tuple[str, int], int]) -> list[Part]:
        """Return the lines of a micro-batch's messages after those already taken, as far as memory allows."""
        most = MOST_CHARACTERS // max(1, frame.rdd.getNumPartitions())  # none when there are no new messages
        return event_judging.judge(frame, taken, most)

    def why(self, error: BaseException) -> BaseException:
        """Return the cause of a failed query: what this process raised, or what Kafka now lacks."""
        failure = self.background.failure
        if self.landing.connection.closed:
            login = postgres.stream(self.settings)
            lost = failure if isinstance(failure, psycopg2.Error) else error
            lost = lost.__context__ or lost  # rolling back fails as well
            return PostgresError(f"PostgreSQL at {login.host}:{login.port}: the connection is lost: {one_line(lost)}")
        # A stopped query fails as well; that is never the cause.
        behind = failure if isinstance(error, OF_SPARK) and failure is not None else error
        if not isinstance(behind, OF_SPARK):
            return behind
        try:
            with self.landing.connection, self.landing.connection.cursor() as cursor:
                found = lasting_problems(self.settings, offsets.stored_offsets(cursor))
        except (psycopg2.Error, KafkaError) as other:
            return other
        if not found and KAFKA_FAILED.search(str(behind)):
            return KafkaError(f"Kafka at {kafka.address(self.settings)}: {one_line(behind)}")
        return Refusal("; ".join(found)) if found else behind
