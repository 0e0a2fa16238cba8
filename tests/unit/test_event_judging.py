"""Spark's tasks bring back the lines that judging the messages here would, in batches that a task's memory holds."""

import json

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.event_judging import judge
from spark_jobs.kafka_source import limit_arrow
from storeline.events.lines import parts
from tests.integration.events import KNOWN, order

MESSAGE = "place string, key binary, value binary, length int"
LARGE_BYTES, MEBIBYTES = 200_000, 1 << 20


@pytest.fixture(scope="module")
def limited(spark: SparkSession) -> SparkSession:
    limit_arrow(spark)
    return spark


def frame(spark: SparkSession, rows: list[tuple]) -> DataFrame:
    return spark.createDataFrame(rows, MESSAGE).coalesce(1)


def message(offset: int, key: bytes | None, value: bytes | None, length: int | None = None) -> tuple:
    return (f"orders\t0\t{offset}\t2026-01-31 12:00:00\t\\N", key, value, length)


def test_the_lines_of_good_and_dead_messages_come_back_as_judged(limited):
    good = order(KNOWN, note="ü\t\n\\")
    rows = [
        message(0, good["order_id"].encode(), json.dumps(good).encode()),
        message(1, None, b"\xff\x00\n"),
        message(2, b"", b""),
        message(3, b"k", None),
        message(4, None, None, 300_000),
        message(5, b"k", b'"\\ud800"'),
    ]
    (part,) = judge(frame(limited, rows), {}, MEBIBYTES)
    assert [part] == list(parts(rows, {}, MEBIBYTES))
    assert {kind: len(lines) for kind, lines in part.lines.items()} == {"orders": 1, "dead": 5}


def test_a_task_ends_where_its_share_is_full_and_goes_on_there(limited):
    rows = [message(offset, None, b"x" * 100) for offset in range(7)]
    (first,) = judge(frame(limited, rows), {}, 500)
    assert (first.last, first.is_cut) == (1, True)
    (rest,) = judge(frame(limited, rows), {("orders", 0): first.last}, MEBIBYTES)
    assert (len(rest.lines["dead"]), rest.last, rest.is_cut) == (5, 6, False)


def test_large_messages_come_to_python_a_few_at_once(limited):
    rows = limited.range(0, 100, 1, 1).selectExpr("'place' as place", f"cast(repeat('x', {LARGE_BYTES}) as binary)")

    def sizes(batches):
        yield from (pa.RecordBatch.from_pydict({"bytes": [batch.nbytes]}) for batch in batches)

    found = [row["bytes"] for row in rows.mapInArrow(sizes, "bytes long").collect()]
    assert sum(found) > 100 * LARGE_BYTES
    assert max(found) < 9 * MEBIBYTES
