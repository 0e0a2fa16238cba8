"""The stream of changes as a query: Spark reads the messages, this process applies them while the next are read."""

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

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
from storeline.changes.messages import PARTITION
from storeline.errors import StorelineError
from storeline.replica.applied import STREAM
from storeline.settings import Settings
from storeline.stores import kafka
from storeline.stores.kafka import KafkaError
from storeline.streams.background import Background, NotTakenError
from storeline.topics import CHANGES

SECONDS_BETWEEN_REPORTS = 60
SECONDS_BETWEEN_LOOKS = 15
# How long to wait for the rest of a transaction that is too large for memory: it holds the replica's lock.
SECONDS_FOR_THE_REST = 60
# So that a broker without new messages answers at once; by default it waits half a second for some.
FETCH_MILLISECONDS = "10"


class ChangeStream:
    """A run of the query, starting at the stored position."""

    def __init__(self, settings: Settings, spark: SparkSession, applying: Applying, stack: ExitStack) -> None:
        """Prepare a folder for Spark's own checkpoint, which `stack` deletes."""
        self.settings, self.spark, self.applying = settings, spark, applying
        folder = TemporaryDirectory(prefix=f"{STREAM}-", ignore_cleanup_errors=True)
        self.checkpoint = Path(stack.enter_context(folder)).as_uri()
        self.background = Background(applying.take)
        self.read_to = applying.read_to  # the next offset to read

    def run(self, is_bounded: bool, ends_at: float) -> None:
        """Apply changes until a deadline, or until there are no more. Raises one of FAILURES."""
        limit_arrow(self.spark)
        writer = self.messages().writeStream.foreachBatch(self.take).option("checkpointLocation", self.checkpoint)
        query = (writer.trigger(availableNow=True) if is_bounded else writer).start()
        print(f"{STREAM}: reading {CHANGES.name} from offset {self.applying.read_to}", flush=True)
        try:
            self.watch(query, ends_at)
        except FAILURES as error:
            raise self.why(error) from None
        finally:
            self.applying.lock.is_ending = True
            stop(query, STREAM)
            self.background.close()
        print(f"{STREAM}: {self.applying.applied:,} changes applied", flush=True)

    def messages(self) -> DataFrame:
        """Return the stream of messages: offset and value."""
        reader = self.spark.readStream.format("kafka").options(**connection_options(self.settings))
        return (
            reader.option("subscribe", CHANGES.name)
            .option("startingOffsets", offsets_json({(CHANGES.name, PARTITION): self.applying.read_to}, CHANGES.name))
            .option("maxOffsetsPerTrigger", self.settings.stream_batch_events)
            .option("kafka.fetch.max.wait.ms", FETCH_MILLISECONDS)
            .load()
            .select("offset", "value")
        )

    def take(self, frame: DataFrame, batch: int) -> None:
        """Read one micro-batch and have it applied, in parts if its messages are large. Raises NotTakenError."""
        is_left = True
        while is_left:
            with self.background.keeping():
                messages, is_left = read(frame, self.read_to)
            if messages:
                self.background.submit(messages)
                self.read_to = messages[-1].offset + 1

    def watch(self, query: StreamingQuery, ends_at: float) -> None:
        """Report progress while the query runs; once it has ended, wait until its last batch is applied.

        Raises NotTakenError for a batch that was not applied, KafkaError when Kafka is gone, and CopyNeededError when
        it no longer has the next messages.
        """
        reported, said_at, looked_at = 0, time.monotonic(), time.monotonic()
        while not query.awaitTermination(self.settings.stream_retry_seconds):
            self.background.look()
            now = time.monotonic()
            if now - looked_at > SECONDS_BETWEEN_LOOKS:
                topic.resumable(self.settings, self.applying.position)
                looked_at = now
            if self.applying.written and now - self.applying.taken_at > SECONDS_FOR_THE_REST:
                raise KafkaError(f"the rest of a transaction did not arrive within {SECONDS_FOR_THE_REST} s")
            if self.applying.applied > reported and now - said_at > SECONDS_BETWEEN_REPORTS:
                reported, said_at = self.applying.applied, now
                print(f"{STREAM}: {reported:,} changes applied", flush=True)
            if now > ends_at:
                return
        self.background.settle()

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
