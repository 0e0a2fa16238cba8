"""What goes on while chaos rages, besides the living shop: a copy each minute, a reader that never stops looking."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg2
from mysql.connector import Error as DriverError

from generators.invariants import RULES
from native.airflow_api import Airflow
from native.web import WebError
from storeline.generation import REPLICA
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from tests.end_to_end.runs import COPY

SECONDS_BETWEEN_COPIES = 60
# Two sums that are equal in every state of the marts that may be seen; no row is the answer to a rule that holds.
MARTS = """select o.total, p.total from (select sum(total_amount) as total from marts.UserOrders) as o,
    (select sum(total_revenue) as total from marts.ProductSales) as p where o.total <> p.total"""


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


class Copier(Background):
    """Calls for a copy each minute, as a person would in Airflow; the marts follow by themselves."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, SECONDS_BETWEEN_COPIES)

    def work(self) -> None:
        airflow = Airflow(self.settings)
        if not airflow.is_under_way(COPY):
            airflow.trigger(COPY)


class Reader(Background):
    """Looks at the shop, the replica and the marts, a statement at a time, and keeps every broken state that it saw."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, 0.3)
        self.looks, self.broken = {"shop": 0, "replica": 0, "marts": 0}, list[str]()

    def work(self) -> None:
        with closing(postgres.reader(self.settings).connect()) as connection, connection.cursor() as cursor:
            for rule, query in RULES.items():
                cursor.execute(query.format(shop="source"))
                self.hold("shop", rule, cursor.fetchall())
        with closing(mysql.analyst(self.settings).connect()) as connection:
            for rule, query in RULES.items():
                self.hold("replica", rule, mysql.ask(connection, query.format(shop=REPLICA.live)))
            self.hold("marts", "users' and products' money is the same", mysql.ask(connection, MARTS))

    def hold(self, where: str, rule: str, rows: Sequence[Any]) -> None:
        """Count a look; keep it where rows break the rule."""
        self.looks[where] += 1
        if rows:
            self.broken.append(f"{where} at {time.strftime('%H:%M:%S')}: {rule}: {rows[:3]}")


@contextmanager
def load(settings: Settings) -> Iterator[Reader]:
    """Yield the reader while it looks and copies are made; both have ended afterwards."""
    threads = Copier(settings), Reader(settings)
    for one in threads:
        one.start()
    try:
        yield threads[1]
    finally:
        for one in threads:
            one.end()
