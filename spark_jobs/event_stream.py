"""The stream of events as a query: Spark reads and judges the events, this process writes them."""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import psycopg2
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from spark_jobs import event_source
from spark_jobs.failure import FAILURES, one_line
from storeline.errors import Refusal, StorelineError
from storeline.events import dead_letters, offsets, unreadable
from storeline.events.landing import Landing
from storeline.events.lines import Part, parts
from storeline.events.unreadable import is_unreadable
from storeline.events.waiting import CaughtUp
from storeline.settings import Settings
from storeline.stores import kafka, postgres
from storeline.stores.kafka import KafkaError
from storeline.stores.postgres import PostgresError
from storeline.topics import DEAD, EVENT_TOPICS

NAMES = [topic.name for topic in EVENT_TOPICS]
KINDS = (*NAMES, DEAD)
# Lines that this process is sent at once, in characters; while they are landed, as many again are read.
MOST_CHARACTERS = 64 << 20
SECONDS_BETWEEN_REPORTS = 60
SECONDS_BETWEEN_LOOKS = 15
SECONDS_TO_A_SECOND_LOOK = 1
ATTEMPTS = 3
STOP_LIMIT = ("spark.sql.streaming.stopTimeout", "20s")  # of the session; Spark by itself waits for ever


class NotLandedError(StorelineError):
    """A batch was not landed; the stream keeps the reason for itself."""


OF_SPARK = (NotLandedError, PySparkException, Py4JError)
# Said by Kafka's client inside Spark.
KAFKA_FAILED = re.compile(r"org\.apache\.kafka\.\S*(?:Exception|Error)|KafkaException|LEADER_NOT_AVAILABLE")


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
        # One batch is landed while Spark reads the next one; each begins when the one before has ended well.
        self.lander = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        self.landed: Future[None] | None = None
        self.turn = threading.Lock()
        self.failure: BaseException | None = None
        self.events = 0
        self.waiting = CaughtUp(2 * settings.stream_retry_seconds)
        self.is_waiting = True

    def run(self, is_bounded: bool, ends_at: float) -> None:
        """Take events until a moment, or until there are no more. Raises one of FAILURES."""
        try:
            self.tidy_up()
            self.take_all(is_bounded, ends_at)
            self.tidy_up()
        except FAILURES as error:
            # A batch that is being landed has the connection for itself.
            self.lander.shutdown()
            raise self.why(error) from None
        print(f"stream_events: {self.events:,} events taken", flush=True)

    def take_all(self, is_bounded: bool, ends_at: float) -> None:
        """Take events until their end or a moment, those that Spark cannot read without it."""
        is_done = False
        while not is_done:
            try:
                self.query(is_bounded, ends_at)
                is_done = True
            except FAILURES as error:
                if not is_unreadable(self.failure or error) or not self.take_unreadable():
                    raise

    def query(self, is_bounded: bool, ends_at: float) -> None:
        """Run a query, and wait until its last batch is landed."""
        checkpoint = Path(mkdtemp(dir=self.checkpoint)).as_uri()
        messages = event_source.frame(self.settings, self.spark, self.landing.positions)
        writer = messages.writeStream.foreachBatch(self.take).option("checkpointLocation", checkpoint)
        milliseconds = self.settings.stream_trigger_milliseconds
        timed = writer.trigger(processingTime=f"{milliseconds} milliseconds")
        query = (writer.trigger(availableNow=True) if is_bounded else timed).start()
        print(f"stream_events: reads {', '.join(NAMES)} as run {self.landing.run_id}", flush=True)
        try:
            self.watch(query, ends_at)
        finally:
            stop(query)
        self.settle()

    def take_unreadable(self) -> int:
        """Take each partition's next messages without Spark, and return how many."""
        self.settle()
        self.failure, before = None, self.events
        print("stream_events: a message has a time that Spark cannot read: reads around it without Spark", flush=True)
        most = self.settings.stream_batch_events
        for part in unreadable.read(self.settings, self.landing.positions, most, MOST_CHARACTERS):
            self.check_topics()
            self.land(part.lines)
        return self.events - before

    def watch(self, query: StreamingQuery, ends_at: float) -> None:
        """Do what is to be done from time to time, as long as the query runs.

        Raises KafkaError when Kafka is gone, and Refusal when the events that come next are: Spark would ask for them
        for many minutes.
        """
        reported, said_at, looked_at = 0, time.monotonic(), time.monotonic()
        while not query.awaitTermination(self.settings.stream_retry_seconds):
            if self.landed and self.landed.done():
                self.settle()
            self.tidy_up()
            if time.monotonic() - looked_at > SECONDS_BETWEEN_LOOKS:
                self.look_at_topics()
                looked_at = time.monotonic()
            if self.events > reported and time.monotonic() - said_at > SECONDS_BETWEEN_REPORTS:
                print(f"stream_events: {self.events:,} events taken", flush=True)
                reported, said_at = self.events, time.monotonic()
            if time.monotonic() > ends_at:
                return

    def look_at_topics(self) -> None:
        """Raise Refusal where a topic or its next events are gone, or KafkaError where Kafka is."""
        stored = {place: (self.topic_ids[place[0]], offset) for place, offset in self.landing.positions.items()}
        hold_to_kafka(self.settings, stored)

    def tidy_up(self) -> None:
        """Try parked events again, and copy new dead letters to Kafka."""
        caught_up_seconds = self.caught_up_seconds() if self.is_waiting else 0
        with self.turn:
            self.is_waiting = self.landing.retry(self.settings.stream_parked_seconds, caught_up_seconds)
            dead_letters.copy_out(self.landing.connection, self.producer)

    def caught_up_seconds(self) -> float:
        """Return for how long the stream was caught up since the last time; a Kafka that is away counts nothing."""
        taken, now = self.landing.positions, time.monotonic()
        try:
            ends = offsets.ends(kafka.states(self.settings, NAMES))
        except KafkaError:
            ends = None
        return self.waiting.look(taken, ends, now)

    def why(self, error: BaseException) -> BaseException:
        """Return what is behind a failure of the query: what this process raised, else what Kafka now lacks."""
        if self.landing.connection.closed:
            login = postgres.stream(self.settings)
            lost = self.failure if isinstance(self.failure, psycopg2.Error) else error
            lost = lost.__context__ or lost  # to undo what was begun fails as well
            return PostgresError(f"PostgreSQL at {login.host}:{login.port}: the connection is lost: {one_line(lost)}")
        # A query that is stopped fails as well; that is never the reason.
        behind = self.failure if isinstance(error, OF_SPARK) and self.failure is not None else error
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

    def take(self, frame: DataFrame, batch: int) -> None:
        """Read and judge one micro-batch, and have it landed: as a whole, or in parts where its events are large.

        Raises NotLandedError, see `keeping`.
        """
        taken: dict[tuple[str, int], int] = {}
        is_left = True
        while is_left:
            with self.keeping():
                found = self.read(frame, taken)
                self.check_topics()
            lines = {kind: list(chain.from_iterable(one.lines.get(kind, ()) for one in found)) for kind in KINDS}
            self.settle()
            self.landed = self.lander.submit(self.land, lines)
            taken |= {(one.topic, one.partition): one.last for one in found}
            is_left = any(one.is_cut for one in found)

    def read(self, frame: DataFrame, taken: Mapping[tuple[str, int], int]) -> list[Part]:
        """Return what becomes of a micro-batch's messages after those that were taken, as far as memory allows."""
        # As an RDD, because a task's lines come in one piece then; as rows they would be unpacked thrice.
        rows = frame.rdd  # of no partition where no message is new
        most = MOST_CHARACTERS // max(1, rows.getNumPartitions())
        return rows.mapPartitions(lambda own: parts(own, taken, most)).collect()

    def settle(self) -> None:
        """Wait until the batch that was read last is landed. Raises NotLandedError, see `keeping`."""
        with self.keeping():
            if self.landed:
                self.landed.result()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is raised inside for `why`, and raise a NotLandedError instead.

        Spark searches what it is told for patterns that overflow its stack when the text is long.
        """
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise NotLandedError("the batch was not landed") from None

    def land(self, found: dict[str, list[str]]) -> None:
        """Land the lines; a transaction that PostgreSQL undid because of another one is tried again."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.turn:
                    self.landing.land(found, self.topic_ids, self.fetch)
                break
            except psycopg2.extensions.TransactionRollbackError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)
        self.events += sum(map(len, found.values()))

    def check_topics(self) -> None:
        """Raise StorelineError when what was read may not be of the topics that the offsets belong to."""
        now = kafka.topic_ids(self.client, NAMES)
        if other := [name for name in NAMES if now.get(name) != self.topic_ids[name]]:
            raise StorelineError(f"topic {other[0]} was deleted or made anew while it was read: {offsets.OUT}")

    def fetch(self, topic: str, partition: int, offset: int) -> tuple[bytes | None, bytes | None]:
        """Return key and value of one event, read by itself. Raises StorelineError when it is gone."""
        return event_source.fetch(self.settings, self.spark, topic, partition, offset)


def stop(query: StreamingQuery) -> None:
    """End a query, but do not wait for connections to a Kafka that is away: its client may never close them.

    What is left behind can land nothing: the thread that lands, and its connection, end with the run.
    """
    try:
        query.stop()
    except OF_SPARK as error:
        if STOP_LIMIT[0] not in str(error):
            raise
        print(f"stream_events: Spark has not ended its reading for {STOP_LIMIT[1]}: goes on without it", flush=True)


def hold_to_kafka(settings: Settings, stored: Mapping[offsets.Place, tuple[str, int]]) -> None:
    """Raise Refusal where the stored offsets do not lead on in Kafka, or KafkaError where it does not answer."""
    if found := lasting_problems(settings, stored):
        raise Refusal("; ".join(found))


def lasting_problems(settings: Settings, stored: Mapping[offsets.Place, tuple[str, int]]) -> list[str]:
    """Return why the stored offsets do not lead on in Kafka, seen twice: a broker that has just started knows less."""
    if found := offsets.problems(NAMES, stored, kafka.states(settings, NAMES)):
        time.sleep(SECONDS_TO_A_SECOND_LOOK)
        found = offsets.problems(NAMES, stored, kafka.states(settings, NAMES))
    return found
