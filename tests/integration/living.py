"""A living shop of the tests' own, in a database of its own, and the books that are held against it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from generators.invariants import BALANCES, RULES, moved
from native.stack import Stack
from storeline.settings import ROOT, Settings
from storeline.stores import postgres

# What is waited for comes in a second or two; the limit only has to end a wait that is in vain, on any machine.
SECONDS = 90
PASSWORD = "canary-of-the-live-shop"
OWN = {
    "POSTGRES_LIVE_SHOP_USER": "live_shop_of_the_tests",
    "POSTGRES_LIVE_SHOP_PASSWORD": PASSWORD,
    "LIVE_SHOP_TRANSACTIONS_PER_SECOND": "200",
    "LIVE_SHOP_LONG_TRANSACTION_SECONDS": "1",
}
OPEN = "select now() - xact_start > '1s' from pg_stat_activity where usename = %s and state = 'idle in transaction'"
Books = dict[str, dict[int, Any]]


class Living:
    """A process of the living shop."""

    def __init__(self, stack: Stack, settings: Settings, log: Path) -> None:
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "generators.live_shop"),
                env={**os.environ, **stack.environment(), **settings.values},
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal and return what the process has printed."""
        self.process.send_signal(number)
        self.process.wait(SECONDS)
        said = self.log.read_text()
        assert PASSWORD not in said
        return said


def ask(settings: Settings, query: str, parameters: tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with closing(postgres.owner(settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def books(settings: Settings) -> tuple[dict[str, list[tuple[Any, ...]]], Books]:
    """Return the broken rules with their rows, and the balances, of one moment."""
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)

        def rows(query: str) -> list[tuple[Any, ...]]:
            cursor.execute(query.format(shop="source"))
            return cursor.fetchall()

        broken = {rule: found for rule, query in RULES.items() if (found := rows(query))}
        return broken, {name: dict(rows(query)) for name, query in BALANCES.items()}


def check(settings: Settings, before: Books) -> None:
    """Assert that no rule is broken and no balance has moved."""
    broken, after = books(settings)
    assert broken == {}
    assert {name: moved(before[name], after[name]) for name in BALANCES} == {name: {} for name in BALANCES}


def until(is_true: Callable[[], Any], what: str, seconds: float = SECONDS) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not after {seconds} s: {what}"
        time.sleep(0.05)


def count(settings: Settings, what: str = "source.orders") -> int:
    """Return a number of rows."""
    return int(ask(settings, f"select count(*) from {what}")[0][0])


def has_sessions(settings: Settings) -> bool:
    """Tell whether a living shop is connected."""
    return bool(ask(settings, "select from pg_stat_activity where usename = %s", (OWN["POSTGRES_LIVE_SHOP_USER"],)))


def holds(settings: Settings) -> bool:
    """Tell whether a transaction has been kept open for a second."""
    return (True,) in ask(settings, OPEN, (OWN["POSTGRES_LIVE_SHOP_USER"],))


def counts(said: str) -> Mapping[str, int]:
    """Return what the last line says of each action."""
    inner = said.splitlines()[-1].partition(" transactions (")[2].rpartition(")")[0]
    parts = (part.partition(" ") for part in inner.split(", "))
    return {name: int(number.replace(",", "")) for number, _, name in parts}
