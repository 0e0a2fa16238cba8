"""Live as the shop's own application does: sell, pay, complete, abort and delete in PostgreSQL, until stopped.

Usage: python -m generators.live_shop
"""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from random import Random

import psycopg2
from psycopg2 import errors, extensions
from psycopg2.extensions import connection as Connection

from generators.lifetime import ALIVE, Lifetime
from generators.live import orders
from generators.live.actions import ACTIONS, HOLD, choose
from generators.live.transaction import Transaction
from generators.words import Vocabulary, vocabulary
from storeline.accounts import POSTGRES_LIVE_SHOP
from storeline.errors import one_line
from storeline.settings import load
from storeline.stores import postgres
from storeline.stores.postgres import Login, PostgresError
from storeline.variables import SettingsError

NAME = "live_shop"
SECONDS_BETWEEN_REPORTS = 30
# While PostgreSQL is away; the last one is repeated.
PAUSES = (0.5, 1, 2, 5, 10, 20)
# Nothing that it waits for stops it: it gives way and goes on.
TIME_OUTS = {"lock_timeout": "2s", "statement_timeout": "30s"}
GAVE_WAY = (
    psycopg2.IntegrityError,
    errors.LockNotAvailable,
    extensions.QueryCanceledError,
    extensions.TransactionRollbackError,
)
IS_FILLED = "select exists (select from source.users) and exists (select from source.products)"


@dataclass
class Held:
    """An order in a transaction of its own that is kept open until `ends`."""

    connection: Connection
    ends: float
    basket: orders.Basket | None = None


@dataclass
class LiveShop(Lifetime):
    """The shop's application: one transaction after the other at a rate, and now and then one beside them."""

    login: Login
    per_second: float
    long_seconds: float
    random: Random
    words: Vocabulary
    counts: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    connection: Connection | None = None
    held: Held | None = None

    def run(self) -> None:
        """Live until stopped; a transaction that is open then is not committed."""
        due = reported = time.monotonic()
        while not self.is_ending:
            ALIVE.touch()
            try:
                if self.held and time.monotonic() >= self.held.ends:
                    self.finish(self.held)
                if time.monotonic() >= due:
                    self.act(choose(self.random))
                    # The backlog of a pause is dropped, beyond one second's worth.
                    due = max(due + 1 / self.per_second, time.monotonic() - 1)
                self.failures = 0
            except (PostgresError, psycopg2.Error) as error:
                self.wait_for_postgresql(error)
            if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
                print(self.said(), flush=True)
                reported = time.monotonic()
            self.rest(min(due - time.monotonic(), 1))
        self.leave()
        print(f"{self.said()}; stopped", flush=True)

    def act(self, name: str) -> None:
        """Do one action in a transaction. Raises PostgresError and psycopg2.Error when PostgreSQL is not there."""
        if name == HOLD and self.held is None:
            self.hold()
            return
        if self.connection is None:
            self.connection = self.open()
        # One is held open at a time.
        self.try_in(self.connection, "placed" if name == HOLD else name, ACTIONS[name][1])

    def hold(self) -> None:
        """Begin an order in a transaction that stays open. Raises PostgresError and psycopg2.Error."""
        ends = time.monotonic() + self.long_seconds * self.random.uniform(0.5, 1.5)
        self.held = held = Held(self.open(), ends)

        def begin(one: Transaction) -> bool:
            held.basket = orders.begin(one)
            return held.basket is not None

        if not self.try_in(held.connection, HOLD, begin, commits=False):
            held.connection.close()
            self.held = None

    def finish(self, held: Held) -> None:
        """Write the lines of the order that was held open, and commit. Raises psycopg2.Error."""

        def lines(one: Transaction) -> bool:
            if held.basket:
                orders.finish(one, held.basket)
            return held.basket is not None

        self.held = None
        with closing(held.connection):
            self.try_in(held.connection, HOLD, lines)

    def try_in(
        self, connection: Connection, name: str, do: Callable[[Transaction], bool], commits: bool = True
    ) -> bool:
        """Do something in a transaction and tell whether it was done; nothing of it stays otherwise."""
        otherwise = "nothing to do"
        try:
            with connection.cursor() as cursor:
                is_done = do(Transaction(cursor, self.random, self.words))
            if is_done and commits:
                connection.commit()
        except GAVE_WAY:
            is_done, otherwise = False, "gave way"
        if not is_done:
            connection.rollback()
            self.counts[otherwise] += 1
        elif commits:
            self.counts[name] += 1
        return is_done

    def open(self) -> Connection:
        """Open a connection. Raises PostgresError, also for a shop without users or products."""
        connection = self.login.connect(NAME, **TIME_OUTS)
        with connection, connection.cursor() as cursor:
            cursor.execute(IS_FILLED)
            is_filled = cursor.fetchone() == (True,)
        if not is_filled:
            connection.close()
            raise PostgresError("the shop has no users or no products: `make generate` fills it")
        return connection

    def wait_for_postgresql(self, error: BaseException) -> None:
        """Drop the connections, say so once, and wait: each time longer."""
        self.leave()
        if not self.failures:
            print(f"{NAME}: waiting for PostgreSQL: {one_line(error)}", flush=True)
        self.rest(PAUSES[min(self.failures, len(PAUSES) - 1)])
        self.failures += 1

    def leave(self) -> None:
        """Close the connections; PostgreSQL rolls back what is open."""
        for connection in (self.connection, self.held.connection if self.held else None):
            if connection:
                with contextlib.suppress(psycopg2.Error):
                    connection.close()
        self.connection = self.held = None

    def said(self) -> str:
        """Return how often each thing happened."""
        done = sum(count for name, count in self.counts.items() if name in ACTIONS)
        kinds = ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))
        return f"{NAME}: {done:,} transactions{f' ({kinds})' if kinds else ''}"


def main() -> None:
    """Live until stopped. Exits with one line when the configuration is wrong."""
    try:
        settings = load()
        rate, seconds = settings.live_shop_transactions_per_second, settings.live_shop_long_transaction_seconds
        seed, login = settings.live_shop_seed, postgres.login(settings, POSTGRES_LIVE_SHOP)
    except SettingsError as error:
        sys.exit(f"{NAME}: {error}")
    shop = LiveShop(login, rate, seconds, Random(f"{seed} {NAME}"), vocabulary(seed))  # nosec B311
    shop.listen()
    print(f"{NAME}: {rate:g} transactions a second", flush=True)
    shop.run()


if __name__ == "__main__":
    main()
