"""The export as Spark sees it: executors read its row groups through pyarrow, wherever the storage is.

Spark's own reader would need a separate library for each kind of object store.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from storeline.sales.folder import Folder
from storeline.sales.rules import RAW

POSITION = "position"  # of a row in the export, from 0
SCHEMA = ", ".join(f"{name} {type_}" for name, type_ in {**RAW, POSITION: "bigint"}.items())
GROUPS = "name string, number int, first bigint"


def export(spark: SparkSession, folder: Folder) -> DataFrame:
    """Return the rows of an export with their positions. Raises StorelineError when a part is not as written."""
    groups, first = [], 0
    for part in folder.read().parts:
        for number, rows in enumerate(folder.row_groups(part.name)):
            groups.append((part.name, number, first))
            first += rows
    return spark.createDataFrame(groups, GROUPS).mapInArrow(_reader(folder), SCHEMA)


def _reader(folder: Folder) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for group in batch.to_pylist():
                rows = folder.row_group(group["name"], group["number"]).select(list(RAW))
                positions = pa.array(range(group["first"], group["first"] + rows.num_rows), pa.int64())
                yield from rows.append_column(POSITION, positions).combine_chunks().to_batches()

    return read
