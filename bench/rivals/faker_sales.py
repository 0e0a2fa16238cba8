"""The rival `faker-rows` for the sales: each row by Faker and `random`, checked by itself, inserted by itself."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from faker import Faker

from storeline.sales.analyse import SUMMARY
from storeline.sales.rules import PRODUCTS, REGIONS
from storeline.sales.transfer import READ
from storeline.settings import Settings
from storeline.stores import clickhouse, postgres

INSERT = """insert into sales.sales
        (run_date, sale_id, customer_id, product_id, quantity, sale_date, sale_amount, region)
    values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict (run_date, sale_id) do update set quantity = excluded.quantity,
    sale_date = excluded.sale_date, sale_amount = excluded.sale_amount"""


def sales(rows: int, run_date: date) -> Iterator[dict[str, Any]]:
    """Yield sales of the year before, a few of them bad."""
    faker, random = Faker(), Random(run_date.toordinal())
    faker.seed_instance(run_date.toordinal())
    until = datetime.combine(run_date, time(), UTC)
    prices = [Decimal(random.randrange(199, 25_000)) / 100 for _ in range(PRODUCTS)]
    for number in range(1, rows + 1):
        product, quantity = random.randint(1, PRODUCTS), random.randint(1, 6)
        is_bad = random.random() < 0.03
        yield {
            "sale_id": random.randint(1, number) if random.random() < 0.01 else number,
            "customer_id": random.randint(1, max(1, rows // 20)),
            "product_id": product,
            "quantity": -quantity if is_bad else quantity,
            "sale_date": faker.date_time_between(until - timedelta(days=365), until - timedelta(days=1), tzinfo=UTC),
            "sale_amount": quantity * prices[product - 1],
            "region": random.choice(REGIONS),
        }


def pipeline(settings: Settings, rows: int, run_date: date) -> None:
    """Make, check, load, sum up and hand over, one row after the other."""
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("delete from sales.sales where run_date = %s", (run_date,))
        cursor.execute("delete from sales.sales_summary where run_date = %s", (run_date,))
        for sale in sales(rows, run_date):
            if None not in sale.values() and sale["quantity"] > 0 and sale["region"] in REGIONS:
                cursor.execute(INSERT, (run_date, *sale.values()))
        cursor.execute(SUMMARY.read_text(), {"run_date": run_date})
        cursor.execute(READ, (run_date,))
        with closing(clickhouse.connect(settings, is_loader=True)) as client:
            client.command(f"alter table sales.sales_summary drop partition '{run_date}'")
            for row in cursor.fetchall():
                values = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in row)
                client.command(f"insert into sales.sales_summary values ('{run_date}', {values})")
