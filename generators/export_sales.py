"""Write the sales of the year before a run date as Parquet, faults included, like a shop's export.

Usage: python -m generators.export_sales RUN_DATE
"""

import sys
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.sales import Plan, sales
from generators.sales_faults import Cell, Sown, sown
from storeline.sales.rules import REGIONS
from storeline.sales.step import Step, main
from storeline.sales.storage import storage_of

FILE = "sales-{}.parquet"
SCHEMA = pa.schema(
    [
        ("sale_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("product_id", pa.int64()),
        ("quantity", pa.string()),
        ("sale_date", pa.string()),
        ("sale_amount", pa.string()),
        ("region", pa.string()),
    ]
)


def generate(step: Step) -> None:
    """Write the export of the run date, replacing an existing one. Raises StorelineError."""
    for name in storage_of(step.settings).expire(step.settings.sales_retention_days, step.run_date):
        print(f"generate: the files of {name} were deleted (SALES_RETENTION_DAYS)", flush=True)
    plan, folder = Plan(step.settings.sales_rows, step.run_date), step.folder("raw")
    folder.make()
    file, counts = FILE.format(step.run_id), Counter[str]()
    with folder.writer(file, SCHEMA) as writer:
        for chunk in range(len(plan.chunks)):
            rows = sown(plan, chunk, sales(plan, chunk))
            writer.write_table(as_table(rows))
            counts.update(rows.counts)
    step.hold()
    folder.publish([folder.part(file, plan.rows)], {"run_id": step.run_id, "sown": dict(counts)})
    step.numbers |= {"rows": plan.rows, **{f"sown_{name}": count for name, count in counts.items()}}


def as_table(rows: Sown) -> pa.Table:
    """Return rows in the export's format."""
    good = rows.sales
    moments = pa.array(good.micros, pa.timestamp("us", "UTC"))
    columns = {
        "sale_id": pa.array(good.sale_id),
        "customer_id": pa.array(good.customer_id),
        "product_id": pa.array(good.product_id),
        "quantity": pa.array(good.quantity).cast(pa.string()),
        "sale_date": moments.cast(pa.string()),
        "sale_amount": amounts(good.cents),
        "region": pa.array(REGIONS).take(pa.array(good.region)),
    }
    arrays = [_with(columns[name], rows.cells.get(name, {})) for name in SCHEMA.names]
    return pa.table(arrays, schema=SCHEMA)


def amounts(cents: np.ndarray) -> pa.Array:
    """Return amounts in cents as dollars with two decimals."""
    dollars, rest = (pa.array(part).cast(pa.string()) for part in (cents // 100, cents % 100))
    return pc.binary_join_element_wise(dollars, pc.utf8_lpad(rest, 2, "0"), ".")


def _with(column: pa.Array, cells: dict[int, Cell]) -> pa.Array:
    if not cells:
        return column
    mask = np.zeros(len(column), bool)
    rows = sorted(cells)
    mask[rows] = True
    return pc.replace_with_mask(column, pa.array(mask), pa.array([cells[row] for row in rows], column.type))


if __name__ == "__main__":
    main("generate", generate, sys.argv[1:])
