"""How Spark's tasks judge a micro-batch: its messages come to Python as Arrow batches, and its lines go back as one.

As pickled rows, each message took longer to reach Python than to be judged (docs/decisions.md).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
from pyspark.sql import DataFrame

from storeline.events.lines import Part, parts

# A row for each kind of a part's lines; `lines` are theirs without the last line end.
SCHEMA = "topic string, partition int, last bigint, is_cut boolean, kind string, lines binary"
PART = itemgetter("topic", "partition", "last", "is_cut")
ARROW_SCHEMA = pa.schema(
    {
        "topic": pa.string(),
        "partition": pa.int32(),
        "last": pa.int64(),
        "is_cut": pa.bool_(),
        "kind": pa.string(),
        "lines": pa.binary(),
    }
)
# Half of a surrogate pair is left to PostgreSQL's isolation, like all that cannot be staged.
HALVES = "surrogatepass"


def judge(frame: DataFrame, taken: Mapping[tuple[str, int], int], most: int) -> list[Part]:
    """Return the lines of a micro-batch's messages after those already taken, at most `most` characters of a task."""
    rows = frame.mapInArrow(partial(_judge, taken=taken, most=most), SCHEMA).collect()
    found = groupby(rows, PART)
    return [Part({row["kind"]: _split(row["lines"]) for row in own}, *place) for place, own in found]


def _judge(
    batches: Iterable[pa.RecordBatch], taken: Mapping[tuple[str, int], int], most: int
) -> Iterator[pa.RecordBatch]:
    """Yield a task's result. Runs on an executor."""
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    for part in parts(rows, taken, most):
        place = {"topic": part.topic, "partition": part.partition, "last": part.last, "is_cut": part.is_cut}
        for kind, lines in part.lines.items():
            joined = "\n".join(lines).encode(errors=HALVES)
            yield pa.RecordBatch.from_pylist([{**place, "kind": kind, "lines": joined}], ARROW_SCHEMA)


def _split(joined: bytearray) -> list[str]:
    return joined.decode(errors=HALVES).split("\n")
