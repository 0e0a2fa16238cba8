"""Load a run date's clean sales into PostgreSQL's `sales.sales`, by COPY, replacing its existing rows.

Usage: python -m storeline.sales.load RUN_DATE
"""

import sys
from io import BytesIO

import pyarrow as pa
from pyarrow import csv

from storeline.errors import StorelineError
from storeline.sales.rules import TYPED
from storeline.sales.step import Step, main

ROWS_AT_ONCE = 100_000
COLUMNS = ("run_date", *TYPED)
COPY = f"copy sales.sales ({', '.join(COLUMNS)}) from stdin (format csv)"
NO_HEADER = csv.WriteOptions(include_header=False)


def load(step: Step) -> None:
    """Replace the run date's rows in one transaction. Raises StorelineError and psycopg2.Error."""
    folder, loaded = step.folder("clean"), 0
    manifest = folder.read()
    with step.transaction() as cursor:
        cursor.execute("delete from sales.sales where run_date = %s", (step.run_date,))
        for part in manifest.parts:
            for batch in folder.batches(part.name, ROWS_AT_ONCE):
                cursor.copy_expert(COPY, BytesIO(_as_csv(batch, step)))
                loaded += cursor.rowcount
        if loaded != manifest.rows:
            raise StorelineError(f"{folder.url} holds {manifest.rows} rows, PostgreSQL took {loaded}: run clean again")
    step.numbers["rows"] = loaded


def _as_csv(batch: pa.RecordBatch, step: Step) -> bytes:
    dates = pa.array([step.run_date], pa.date32()).take(pa.array([0] * batch.num_rows, pa.int32()))
    table = pa.table([dates, *(batch.column(name) for name in TYPED)], names=list(COLUMNS))
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, NO_HEADER)
    return bytes(sink.getvalue())


if __name__ == "__main__":
    main("load", load, sys.argv[1:])
