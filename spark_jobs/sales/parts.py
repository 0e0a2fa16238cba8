"""Write judged rows from the executors: valid rows typed into `clean`, the rest as they came, with the reason."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from spark_jobs.sales.export import POSITION
from spark_jobs.sales.judgement import REASON
from storeline.sales.folder import Folder, Part
from storeline.sales.rules import RAW, TYPED

ROWS_OF_A_GROUP = 100_000
WRITTEN = pa.schema([("folder", pa.string()), ("name", pa.string()), ("rows", pa.int64()), ("bytes", pa.int64())])


def written(rows: DataFrame, clean: Folder, rejected: Folder) -> Mapping[str, list[Part]]:
    """Write the rows; return each folder's parts by its name, none of them published yet."""
    wanted = rows.select(*RAW, POSITION, REASON, *(f"typed_{name}" for name in TYPED))
    schema = "folder string, name string, rows bigint, bytes bigint"
    parts: dict[str, list[Part]] = {clean.name: [], rejected.name: []}
    for row in wanted.mapInArrow(_writer(clean, rejected), schema).collect():
        parts[row["folder"]].append(Part(row["name"], row["rows"], row["bytes"]))
    return parts


def _writer(clean: Folder, rejected: Folder) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # A task that is retried, or runs twice, writes its own file.
        file = f"part-{secrets.token_hex(8)}.parquet"
        with ExitStack() as stack:
            groups = [_Groups(stack, folder, file) for folder in (clean, rejected)]
            for batch in batches:
                for group, rows in zip(groups, _divided(batch), strict=True):
                    group.add(rows)
            for group in groups:
                group.flush()
        written = [group.folder.part(file, group.rows) for group in groups if group.rows]
        names = [group.folder.name for group in groups if group.rows]
        columns = [names, *([getattr(part, name) for part in written] for name in ("name", "rows", "bytes"))]
        yield pa.record_batch([pa.array(c, t) for c, t in zip(columns, WRITTEN.types, strict=True)], schema=WRITTEN)

    return write


def _divided(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return the rows that count, typed, and the others as they came."""
    counts = pc.is_null(batch.column(REASON))
    good, bad = batch.filter(counts), batch.filter(pc.invert(counts))
    typed = good.select([f"typed_{name}" for name in TYPED]).rename_columns(list(TYPED))
    return typed, bad.select([*RAW, POSITION, REASON])


class _Groups:
    """One file of this task: opened at the first row, written in row groups."""

    def __init__(self, stack: ExitStack, folder: Folder, file: str) -> None:
        self.stack, self.folder, self.file = stack, folder, file
        self.held: list[pa.RecordBatch] = []
        self.rows = 0
        self.writer: pq.ParquetWriter | None = None

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows, and write once there are enough for a group."""
        if rows.num_rows:
            self.held.append(rows)
            self.rows += rows.num_rows
        if sum(one.num_rows for one in self.held) >= ROWS_OF_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the pending rows."""
        if self.held:
            table = pa.Table.from_batches(self.held)
            if self.writer is None:
                self.writer = self.stack.enter_context(self.folder.writer(self.file, table.schema))
            self.writer.write_table(table)
            self.held = []
