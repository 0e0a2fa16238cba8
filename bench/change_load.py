"""Let the shop sell at a given rate: each sale is a transaction of an order, its lines and a product's new stock.

Usage: python -m bench.change_load COUNT PER_SECOND    (COUNT 0: until ended; PER_SECOND 0: as fast as possible)

Prints for each sale its order, its last line and the moment at which PostgreSQL had committed it, in seconds of the
machine's monotonic clock.
"""

import signal
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storeline.settings import load
from storeline.stores import postgres

LINES = 3
CHANGES = 1 + LINES + 1  # of a sale
SALE = f"""
with placed as (
    insert into source.orders (user_id, order_date, total_amount, status)
    values (%(user)s, clock_timestamp(), {LINES} * 19.98, 'Pending') returning order_id
), lines as (
    insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
    select order_id, n, %(product)s, 2, 9.99, 19.98 from placed, generate_series(1, {LINES}) as n
    returning order_detail_id
), stock as (
    update source.products set stock_quantity = (stock_quantity + 1) %% 1000 where product_id = %(product)s
)
select (select order_id from placed), (select max(order_detail_id) from lines)"""  # nosec B608
USERS = "select user_id from source.users order by user_id limit 500"
PRODUCTS = "select product_id from source.products order by product_id limit 500"


@dataclass(frozen=True)
class Sale:
    """A committed sale: its order, its last line, and when it was committed, in seconds."""

    order: int
    line: int
    moment: float


def read(file: Path) -> list[Sale]:
    """Return the sales that were printed into a file, in the order of their commits."""
    rows = (line.split() for line in file.read_text().splitlines())
    return [Sale(int(order), int(line), float(moment)) for order, line, moment in rows]


class Ended:
    """Set once the process was told to end; the sale in progress is committed first."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(signal.SIGTERM, self.set)

    def set(self, *_: object) -> None:
        """Take note of the signal."""
        self.is_set = True


def main(count: int, per_second: float) -> None:
    """Sell and print."""
    ended, began, sold = Ended(), time.monotonic(), 0
    # A backlog need not be on disk sale by sale: what is measured begins afterwards.
    durability = {} if per_second else {"synchronous_commit": "off"}
    with closing(postgres.generator(load()).connect(**durability)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(USERS)
        users = [user for (user,) in cursor.fetchall()]
        cursor.execute(PRODUCTS)
        products = [product for (product,) in cursor.fetchall()]
        while not ended.is_set and (sold < count or not count):
            cursor.execute(SALE, {"user": users[sold % len(users)], "product": products[sold % len(products)]})
            order, line = cursor.fetchone() or (0, 0)
            print(order, line, time.monotonic())
            sold += 1
            if per_second:
                time.sleep(max(0.0, began + sold / per_second - time.monotonic()))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("change_load: expected COUNT PER_SECOND")
    main(int(sys.argv[1]), float(sys.argv[2]))
