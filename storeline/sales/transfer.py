"""Send a run date's summary to ClickHouse's `sales.sales_summary`, replacing that date's partition.

Usage: python -m storeline.sales.transfer RUN_DATE
"""

import sys
from contextlib import closing
from decimal import Decimal

import pyarrow as pa

from storeline.errors import StorelineError
from storeline.sales.step import Step, main
from storeline.stores import clickhouse
from storeline.stores.clickhouse import Client

TABLE = "sales.sales_summary"
MONEY = pa.decimal128(14, 2)
SCHEMA = pa.schema(
    [
        ("import_date", pa.date32()),
        ("region", pa.string()),
        ("product_id", pa.int64()),
        ("sales_count", pa.int64()),
        ("quantity", pa.int64()),
        ("sales_amount", MONEY),
        ("average_sale_amount", MONEY),
        ("region_sales_count", pa.int64()),
        ("region_quantity", pa.int64()),
        ("region_sales_amount", MONEY),
        ("region_average_sale_amount", MONEY),
        ("product_sales_count", pa.int64()),
        ("product_quantity", pa.int64()),
        ("product_sales_amount", MONEY),
        ("product_average_sale_amount", MONEY),
        ("product_rank", pa.int64()),
        ("product_share", pa.decimal128(9, 8)),
    ]
)
READ = f"select {', '.join(SCHEMA.names[1:])} from sales.sales_summary where run_date = %s order by 1, 2"
SUMS = "select count(), sum(sales_count), sum(quantity), sum(sales_amount) from {} where import_date = {{date:Date}}"


def transfer(step: Step) -> None:
    """Stage the rows, compare their sums with those sent, then swap the partition in.

    Raises StorelineError, ClickhouseError and psycopg2.Error.
    """
    rows = summary(step)
    if not rows.num_rows:
        # ClickHouse would treat a partition that is missing in staging as one to be emptied.
        raise StorelineError(f"there is no summary of {step.run_date} in PostgreSQL: run analyse first")
    prefix = f"{TABLE}_staging_{step.run_date:%Y%m%d}_"
    with closing(clickhouse.connect(step.settings, is_loader=True)) as client:
        drop_staging(client, prefix)
        staging = prefix + step.run_id
        client.command(f"create table {staging} as {TABLE}")
        client.insert_arrow(staging, rows)
        compare(client, staging, step, rows)
        step.hold()
        client.command(f"alter table {TABLE} replace partition '{step.run_date}' from {staging}")
        compare(client, TABLE, step, rows)
        drop_staging(client, prefix)
    step.numbers["rows"] = rows.num_rows


def summary(step: Step) -> pa.Table:
    """Return the run date's summary from PostgreSQL."""
    with step.connection.cursor() as cursor:
        cursor.execute(READ, (step.run_date,))
        columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * (len(SCHEMA) - 1)
    dates = (step.run_date,) * len(columns[0])
    arrays = [pa.array(values, one.type) for values, one in zip([dates, *columns], SCHEMA, strict=True)]
    return pa.table(arrays, schema=SCHEMA)


def drop_staging(client: Client, prefix: str) -> None:
    """Drop what this run, or one that was killed, staged for the run date, whose lock is held."""
    database, _, start = prefix.partition(".")
    query = "select name from system.tables where database = {database:String} and startsWith(name, {start:String})"
    for (name,) in client.query(query, {"database": database, "start": start}):
        client.command(f"drop table {database}.{name}")


def compare(client: Client, table: str, step: Step, rows: pa.Table) -> None:
    """Compare a table's row count and sums of the run date with those sent. Raises StorelineError."""
    sent = [Decimal(rows.num_rows)]
    sent += [
        sum(map(Decimal, rows[name].to_pylist()), Decimal()) for name in ("sales_count", "quantity", "sales_amount")
    ]
    found = [Decimal(value) for value in client.query(SUMS.format(table), {"date": step.run_date})[0]]
    if found != sent:
        raise StorelineError(
            f"{table} holds {found[0]} rows of {step.run_date}, {sent[0]} were sent: run transfer again"
        )


if __name__ == "__main__":
    main("transfer", transfer, sys.argv[1:])
