"""What goes on while chaos rages: a shop that sells, a copy each minute, readers that never stop looking."""

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg2
from mysql.connector import Error as DriverError

from native.airflow_api import Airflow
from native.web import WebError
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from tests.end_to_end.runs import COPY

SECONDS_BETWEEN_COPIES = 60
# Each is one statement, so it sees one state: two sums that are equal in every state that may be seen.
SHOP = """select (select coalesce(sum(total_amount), 0) from source.orders),
                 (select coalesce(sum(total_price), 0) from source.order_details)"""
REPLICA = (
    """select (select sum(total_amount) from replica.orders), (select sum(total_price) from replica.order_details)"""
)
MARTS = (
    """select (select sum(total_amount) from marts.UserOrders), (select sum(total_revenue) from marts.ProductSales)"""
)
SALE = """with o as (insert into source.orders (user_id, order_date, total_amount, status)
                     select user_id, now(), 2 * %(price)s, 'Pending' from source.users
                     where email not like '%%@events.%%' order by user_id limit 1 returning order_id)
          insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
          select order_id, line, (select min(product_id) from source.products), 1, %(price)s, %(price)s
          from o, generate_series(1, 2) as line"""


class Background(threading.Thread, ABC):
    """Does one thing again and again until it is ended; what a server refuses while it is down is tried again."""

    def __init__(self, settings: Settings, pause_seconds: float) -> None:
        super().__init__(daemon=True)
        self.settings, self.pause_seconds = settings, pause_seconds
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            with suppress(mysql.MysqlError, DriverError, postgres.PostgresError, psycopg2.Error, WebError, KeyError):
                self.work()
            self.ended.wait(self.pause_seconds)

    @abstractmethod
    def work(self) -> None:
        """Do the one thing."""

    def end(self) -> None:
        self.ended.set()
        self.join(60)


class Seller(Background):
    """Sells an order of two lines several times a second, by a statement each."""

    def __init__(self, settings: Settings, seed: int) -> None:
        super().__init__(settings, 0.2)
        self.chance, self.sold = random.Random(seed), 0

    def work(self) -> None:
        with closing(postgres.owner(self.settings).connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(SALE, {"price": round(self.chance.uniform(1, 99), 2)})
        self.sold += 1


class Copier(Background):
    """Calls for a copy each minute, as a person would in Airflow; the marts follow by themselves."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, SECONDS_BETWEEN_COPIES)

    def work(self) -> None:
        airflow = Airflow(self.settings)
        if not airflow.is_under_way(COPY):
            airflow.trigger(COPY)


class Reader(Background):
    """Looks at the shop, the replica and the marts and keeps every broken state that it saw."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, 0.3)
        self.looks, self.broken = {"shop": 0, "replica": 0, "marts": 0}, list[str]()

    def work(self) -> None:
        with closing(postgres.reader(self.settings).connect()) as connection, connection.cursor() as cursor:
            cursor.execute(SHOP)
            self.hold("shop", cursor.fetchone())
        with closing(mysql.analyst(self.settings).connect()) as connection:
            self.hold("replica", mysql.ask(connection, REPLICA)[0])
            self.hold("marts", mysql.ask(connection, MARTS)[0])

    def hold(self, what: str, sums: Any) -> None:
        """Count a look; keep it where its sums differ."""
        self.looks[what] += 1
        if sums[0] != sums[1]:
            self.broken.append(f"{what} at {time.strftime('%H:%M:%S')}: {sums[0]} and {sums[1]}")


@contextmanager
def load(settings: Settings, seed: int) -> Iterator[tuple[Seller, Copier, Reader]]:
    """Give what goes on; all of it has ended afterwards."""
    threads = Seller(settings, seed), Copier(settings), Reader(settings)
    for one in threads:
        one.start()
    try:
        yield threads
    finally:
        for one in threads:
            one.end()
