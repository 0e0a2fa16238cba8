"""The topics of events as Spark reads them: all that comes after some offsets, or one message by itself."""

import json
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from spark_jobs.event_lines import columns
from spark_jobs.failure import FAILURES
from spark_jobs.unreadable import is_unreadable
from storeline import kafka, stream_ledger
from storeline.settings import Settings
from storeline.stream_ledger import Positions, StreamError
from storeline.topics import EVENT_TOPICS

# Spark by itself asks Kafka for minutes before it gives up, without a word, and cannot be stopped meanwhile.
KAFKA_MILLISECONDS = "20000"


def frame(settings: Settings, spark: SparkSession, positions: Positions) -> DataFrame:
    """Return the stream of all topics' messages, as `event_lines.Message`, from these positions on."""
    return reduce(DataFrame.unionAll, (_source(settings, spark, positions, topic.name) for topic in EVENT_TOPICS))


def _source(settings: Settings, spark: SparkSession, positions: Positions, topic: str) -> DataFrame:
    reader = spark.readStream.format("kafka").options(**_connection_options(settings))
    return (
        reader.option("subscribe", topic)
        .option("startingOffsets", _offsets_json(positions, topic))
        .option("maxOffsetsPerTrigger", settings.stream_batch_events)
        .load()
        .select(*columns())
    )


def fetch(
    settings: Settings, spark: SparkSession, topic: str, partition: int, offset: int
) -> tuple[bytes | None, bytes | None]:
    """Return key and value of one event. Raises StreamError when it is gone from Kafka."""
    reader = spark.read.format("kafka").options(**_connection_options(settings))
    one = (
        reader.option("assign", json.dumps({topic: [partition]}))
        .option("startingOffsets", _offsets_json({(topic, partition): offset}, topic))
        .option("endingOffsets", _offsets_json({(topic, partition): offset + 1}, topic))
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
        raise StreamError(f"offset {offset} of {topic}[{partition}] is gone from Kafka: {stream_ledger.OUT}")
    return _bytes(row.key), _bytes(row.value)


def _connection_options(settings: Settings) -> dict[str, str]:
    return {
        "kafka.bootstrap.servers": kafka.address(settings),
        "kafka.request.timeout.ms": KAFKA_MILLISECONDS,
        "kafka.default.api.timeout.ms": KAFKA_MILLISECONDS,
        "kafkaConsumer.pollTimeoutMs": KAFKA_MILLISECONDS,
        "fetchOffset.numRetries": "1",
        "includeHeaders": "true",
        "failOnDataLoss": "true",
    }


def _bytes(held: bytearray | None) -> bytes | None:
    return None if held is None else bytes(held)


def _offsets_json(positions: Positions, topic: str) -> str:
    """Return a topic's offsets as Spark's options take them."""
    return json.dumps({topic: {str(number): offset for (name, number), offset in positions.items() if name == topic}})
