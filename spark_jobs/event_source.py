"""The event topics as Spark reads them: all messages after given offsets, or a single message."""

import json
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_jobs.failure import FAILURES
from spark_jobs.kafka_source import connection_options, offsets_json
from storeline.errors import StorelineError
from storeline.events import offsets
from storeline.events.lines import OUTSIDE
from storeline.events.offsets import Positions
from storeline.events.unreadable import is_unreadable
from storeline.settings import Settings
from storeline.stores import copy_format, kafka
from storeline.topics import EVENT_TOPICS, MAX_EVENT_BYTES, REDRIVEN_HEADER

# The range that PostgreSQL stores and Python reads back.
FIRST_TIME, END_OF_TIME = "0001-01-02", "9999-12-31"


def frame(settings: Settings, spark: SparkSession, positions: Positions) -> DataFrame:
    """Return the stream of all topics' messages, as `lines.Message`, starting at these positions."""
    return reduce(DataFrame.unionAll, (_source(settings, spark, positions, topic.name) for topic in EVENT_TOPICS))


def _source(settings: Settings, spark: SparkSession, positions: Positions, topic: str) -> DataFrame:
    reader = spark.readStream.format("kafka").options(**connection_options(settings), includeHeaders="true")
    return (
        reader.option("subscribe", topic)
        .option("startingOffsets", offsets_json(positions, topic))
        .option("maxOffsetsPerTrigger", settings.stream_batch_events)
        .load()
        .select(*columns())
    )


def fetch(
    settings: Settings, spark: SparkSession, topic: str, partition: int, offset: int
) -> tuple[bytes | None, bytes | None]:
    """Return the key and value of one event. Raises StorelineError when Kafka no longer has it."""
    reader = spark.read.format("kafka").options(**connection_options(settings), includeHeaders="true")
    one = (
        reader.option("assign", json.dumps({topic: [partition]}))
        .option("startingOffsets", offsets_json({(topic, partition): offset}, topic))
        .option("endingOffsets", offsets_json({(topic, partition): offset + 1}, topic))
        .load()
        .select("key", "value")
    )
    try:
        row = one.first()
    except FAILURES as error:
        if not is_unreadable(error):
            raise
        row = next(kafka.messages(settings, topic, partition, offset, offset + 1), None)
    if row is None:
        raise StorelineError(f"offset {offset} of {topic}[{partition}] is no longer in Kafka: {offsets.OUT}")
    return _bytes(row.key), _bytes(row.value)


def _bytes(held: bytearray | None) -> bytes | None:
    return None if held is None else bytes(held)


def columns() -> list[Column]:
    """Return the columns of a `Message`."""
    headers = F.filter("headers", lambda header: header["key"] == REDRIVEN_HEADER)
    redriven_from = F.try_to_number(F.get(headers, F.lit(0))["value"].cast("string"), F.lit("9" * 18))
    place = [F.col(name).cast("string") for name in ("topic", "partition", "offset")]
    time = F.col("timestamp")
    is_known = (time >= F.lit(FIRST_TIME).cast("timestamp")) & (time < F.lit(END_OF_TIME).cast("timestamp"))
    outside = F.concat(F.lit(OUTSIDE.strip()), F.unix_millis(time).cast("string"))
    place.append(F.coalesce(F.when(is_known, time.cast("string")), outside, F.lit(OUTSIDE.strip())))
    place.append(F.coalesce(redriven_from.cast("bigint").cast("string"), F.lit(copy_format.NULL)))
    length = F.greatest(F.length("key"), F.length("value"))
    is_small = F.coalesce(length <= MAX_EVENT_BYTES, F.lit(True))
    held = [F.when(is_small, F.col(name)).alias(name) for name in ("key", "value")]
    return [F.concat_ws("\t", *place).alias("place"), *held, F.when(~is_small, length).alias("length")]
