"""The stream of changes: Spark reads what waits, this process what comes, and applies it while more is read."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.change_reading import read
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.kafka_source import (
    KAFKA_FAILED,
    SPARK_FAILURES,
    connection_options,
    limit_arrow,
    offsets_json,
    stop,
)
from storeline.changes import topic
from storeline.changes.applying import Applying
from storeline.changes.messages import PARTITION, Message
from storeline.errors import StorelineError
from storeline.replica.applied import STREAM
from storeline.settings import Settings
from storeline.stores import kafka
from storeline.stores.kafka import KafkaError
from storeline.stores.kafka_topics import TopicState
from storeline.streams.background import Background, NotTakenError
from storeline.topics import CHANGES

SECONDS_BETWEEN_REPORTS = 60
SECONDS_BETWEEN_LOOKS = 15
# How long to wait for the rest of a transaction that is too large for memory: it holds the replica's lock.
SECONDS_FOR_THE_REST = 60
SECONDS_TO_POLL = 0.5
MOST_AT_ONCE = 5_000  # messages
MOST_WAITING = 20_000  # messages, beyond which the executors read faster


class ChangeStream:
    """A run of the stream, starting at the stored position: Spark catches up, then this process follows by itself."""

    def __init__(self, settings: Settings, spark: SparkSession, applying: Applying, stack: ExitStack) -> None:
        """Prepare a folder for Spark's own checkpoints, which `stack` deletes."""
        self.settings, self.spark, self.applying = settings, spark, applying
        folder = TemporaryDirectory(prefix=f"{STREAM}-", ignore_cleanup_errors=True)
        self.folder = stack.enter_context(folder)
        self.background = Background(applying.take)
        self.read_to = applying.read_to  # the next offset to read
        # Kafka's answer can take seconds, in which changes would wait.
        self.asking = ThreadPoolExecutor(1)
        stack.callback(self.asking.shutdown, wait=False)
        self.asked: Future[TopicState] | None = None
        self.reported, self.said_at, self.looked_at = 0, time.monotonic(), time.monotonic()

    def run(self, is_bounded: bool, ends_at: float) -> None:
        """Apply changes until a deadline, or until there are no more. Raises one of FAILURES."""
        print(f"{STREAM}: reading {CHANGES.name} from offset {self.read_to}", flush=True)
        try:
            while self.catch_up(ends_at) and not is_bounded and self.follow(ends_at):
                pass
        except FAILURES as error:
            raise self.why(error) from None
        finally:
            self.applying.lock.is_ending = True
            self.background.close()
        print(f"{STREAM}: {self.applying.applied:,} changes applied", flush=True)

    def catch_up(self, ends_at: float) -> bool:
        """Apply everything that is in Kafka now, read by the executors; return whether that was done in time."""
        limit_arrow(self.spark)
        checkpoint = Path(mkdtemp(dir=self.folder)).as_uri()
        writer = self.messages().writeStream.foreachBatch(self.take).option("checkpointLocation", checkpoint)
        query = writer.trigger(availableNow=True).start()
        try:
            while not query.awaitTermination(self.settings.stream_retry_seconds):
                self.look()
                if time.monotonic() > ends_at:
                    return False
        finally:
            if query.isActive:
                self.applying.lock.is_ending = True
                stop(query, STREAM)
        self.background.settle()
        return True

    def messages(self) -> DataFrame:
        """Return the stream of messages: offset and value."""
        reader = self.spark.readStream.format("kafka").options(**connection_options(self.settings))
        return (
            reader.option("subscribe", CHANGES.name)
            .option("startingOffsets", offsets_json({(CHANGES.name, PARTITION): self.read_to}, CHANGES.name))
            .option("maxOffsetsPerTrigger", self.settings.stream_batch_events)
            .load()
            .select("offset", "value")
        )

    def take(self, frame: DataFrame, batch: int) -> None:
        """Read one micro-batch and have it applied, in parts if its messages are large. Raises NotTakenError."""
        is_left = True
        while is_left:
            with self.background.keeping():
                messages, is_left = read(frame, self.read_to)
            self.submit(messages)

    def follow(self, ends_at: float) -> bool:
        """Apply what comes, read by this process; return True when too much waits for it, False when time is up."""
        with kafka.Tail(self.settings, CHANGES.name, PARTITION, self.read_to) as tail:
            while time.monotonic() < ends_at:
                found = tail.poll(SECONDS_TO_POLL, MOST_AT_ONCE)
                self.submit([Message(one.offset, one.value) for one in found])
                self.look()
                if tail.waiting() > MOST_WAITING:
                    return True
        return False

    def submit(self, messages: list[Message]) -> None:
        """Have messages applied once those before are. Raises NotTakenError if these were not."""
        if messages:
            self.background.submit(messages)
            self.read_to = messages[-1].offset + 1

    def look(self) -> None:
        """See whether all is well, now and then in Kafka too, and report progress.

        Raises NotTakenError for a batch that was not applied, KafkaError when Kafka is gone, and CopyNeededError when
        it no longer has the next messages.
        """
        self.background.look()
        now = time.monotonic()
        if self.asked and self.asked.done():
            answer, self.asked = self.asked, None
            answer.result()
        if self.asked is None and now - self.looked_at > SECONDS_BETWEEN_LOOKS:
            self.asked = self.asking.submit(topic.resumable, self.settings, self.applying.position)
            self.looked_at = now
        if self.applying.written and now - self.applying.taken_at > SECONDS_FOR_THE_REST:
            raise KafkaError(f"the rest of a transaction did not arrive within {SECONDS_FOR_THE_REST} s")
        if self.applying.applied > self.reported and now - self.said_at > SECONDS_BETWEEN_REPORTS:
            self.reported, self.said_at = self.applying.applied, now
            print(f"{STREAM}: {self.reported:,} changes applied", flush=True)

    def why(self, error: BaseException) -> BaseException:
        """Return the cause of a failed query: what this process raised, or what Kafka now lacks."""
        if not isinstance(error, (*SPARK_FAILURES, NotTakenError)):
            return error
        behind = self.background.failure or error
        if not isinstance(behind, SPARK_FAILURES):
            return behind
        try:
            topic.resumable(self.settings, self.applying.position)
        except StorelineError as other:
            return other
        if KAFKA_FAILED.search(str(behind)):
            return KafkaError(f"Kafka at {kafka.address(self.settings)}: {one_line(behind)}")
        return behind
