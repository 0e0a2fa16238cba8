"""How Spark's task hands the messages of changes to the driver: as Arrow batches, in parts that fit in memory.

As pickled rows, a message took longer to reach this process than to be applied (docs/decisions.md).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from storeline.changes.messages import Message

# Of a part; one message may be larger. Each part reads from Kafka what came before it again, so a usual batch, which is
# 50,000 messages of some 600 bytes, should be one.
MOST_BYTES = 32 << 20
SCHEMA = "offset bigint, value binary, is_cut boolean"


def read(frame: DataFrame, first: int, most: int = MOST_BYTES) -> tuple[list[Message], bool]:
    """Return a micro-batch's messages from an offset on, in their order, and whether there are more.

    `frame` has one partition with the columns offset and value; `most` is in bytes.
    """
    left = frame.where(F.col("offset") >= first)
    found = left.mapInArrow(partial(_part, most=most), SCHEMA).toArrow()
    messages = list(map(Message, found["offset"].to_pylist(), found["value"].to_pylist()))
    return messages, bool(messages) and found["is_cut"][-1].as_py()


def _part(batches: Iterable[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Yield a task's messages until they are `most` bytes, and whether more follow. Runs on an executor."""
    held: pa.RecordBatch | None = None  # until it is known whether more follow
    length, is_cut = 0, False
    for batch in batches:
        if batch.num_rows == 0:
            continue
        if is_cut := length >= most:
            break
        if held is not None:
            yield _marked(held, is_cut)
        sizes = pc.fill_null(pc.binary_length(batch["value"]), 0).to_pylist()
        ends = list(accumulate(sizes, initial=length))[1:]
        # The message that reaches the limit is the last one.
        taken = min(bisect_left(ends, most) + 1, batch.num_rows)
        held, length = batch.slice(0, taken), ends[taken - 1]
        if is_cut := taken < batch.num_rows:
            break
    if held is not None:
        yield _marked(held, is_cut)


def _marked(batch: pa.RecordBatch, is_cut: bool) -> pa.RecordBatch:
    columns = [batch["offset"], batch["value"], pa.repeat(is_cut, batch.num_rows)]
    return pa.RecordBatch.from_arrays(columns, ["offset", "value", "is_cut"])
