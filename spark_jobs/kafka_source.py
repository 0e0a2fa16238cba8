"""Kafka as Spark's source, the same for each stream: how it connects, where it starts, how its query is stopped."""

import json
import re
from collections.abc import Mapping

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from storeline.settings import Settings
from storeline.stores import kafka

# By default Spark retries Kafka silently for minutes before it gives up, and cannot be stopped meanwhile.
KAFKA_MILLISECONDS = "20000"
STOP_LIMIT = ("spark.sql.streaming.stopTimeout", "20s")  # of the session; Spark's default waits indefinitely
# Spark's own limits, ten thousand messages whatever their size, are more than a task's memory.
ARROW_LIMITS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10000",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(8 << 20),
}
SPARK_FAILURES = (PySparkException, Py4JError)
# Raised by Kafka's client inside Spark.
KAFKA_FAILED = re.compile(r"org\.apache\.kafka\.\S*(?:Exception|Error)|KafkaException|LEADER_NOT_AVAILABLE")


def limit_arrow(spark: SparkSession) -> None:
    """Limit the Arrow batches of queries that start from now on: a query's own session copies this when it starts."""
    for name, limit in ARROW_LIMITS.items():
        spark.conf.set(name, limit)


def connection_options(settings: Settings) -> dict[str, str]:
    """Return the options of a reader."""
    return {
        "kafka.bootstrap.servers": kafka.address(settings),
        "kafka.request.timeout.ms": KAFKA_MILLISECONDS,
        "kafka.default.api.timeout.ms": KAFKA_MILLISECONDS,
        "kafkaConsumer.pollTimeoutMs": KAFKA_MILLISECONDS,
        "fetchOffset.numRetries": "1",
        "failOnDataLoss": "true",
    }


def offsets_json(positions: Mapping[tuple[str, int], int], topic: str) -> str:
    """Return a topic's offsets in the format of Spark's options."""
    return json.dumps({topic: {str(number): offset for (name, number), offset in positions.items() if name == topic}})


def stop(query: StreamingQuery, name: str) -> None:
    """Stop a query, but do not wait for connections to an unreachable Kafka: its client may never close them.

    What is left behind can write nothing: the session that writes ends with the run.
    """
    try:
        query.stop()
    except SPARK_FAILURES as error:
        if STOP_LIMIT[0] not in str(error):
            raise
        print(f"{name}: Spark did not stop reading within {STOP_LIMIT[1]}: continuing without it", flush=True)
