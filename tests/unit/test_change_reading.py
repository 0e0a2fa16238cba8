"""Spark's task hands over the messages of changes from an offset on, unchanged, in parts that fit in memory."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.change_reading import read
from spark_jobs.kafka_source import limit_arrow
from storeline.changes.messages import Message


@pytest.fixture(scope="module")
def limited(spark: SparkSession) -> SparkSession:
    limit_arrow(spark)
    return spark


def frame(spark: SparkSession, values: list[bytes | None]) -> DataFrame:
    return spark.createDataFrame(list(enumerate(values)), "offset bigint, value binary").coalesce(1)


@pytest.mark.slow(reason="the first query in a cold session, and the start of its Python workers")
def test_messages_come_as_they_are_in_kafka(limited: SparkSession) -> None:
    values = [b"{}", b"", None, b"\xff\x00\n", "ü".encode()]
    assert read(frame(limited, values), 1) == ([Message(n, values[n]) for n in range(1, 5)], False)


def test_nothing_is_left_behind_the_last_one(limited: SparkSession) -> None:
    assert read(frame(limited, [b"a"]), 1) == ([], False)


@pytest.mark.parametrize("most", [1, 4, 5, 100])
def test_parts_follow_each_other_without_a_gap(limited: SparkSession, most: int) -> None:
    limited.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "2")
    values = [b"x" * size for size in (1, 0, 3, 1, 9, 0)]
    found: list[Message] = []
    is_left = True
    while is_left:
        messages, is_left = read(frame(limited, values), len(found), most)
        *others, _ = messages
        assert sum(len(one.value or b"") for one in others) < most
        found += messages
    assert found == [Message(*one) for one in enumerate(values)]
    limit_arrow(limited)
