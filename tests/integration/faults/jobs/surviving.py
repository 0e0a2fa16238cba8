"""A job that suffers a fault while readers watch, and what must be true afterwards."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from mysql.connector import Error as DriverError

from native.stack import Stack
from storeline.generation import MARTS, REPLICA
from storeline.settings import Settings
from storeline.stores import mysql
from tests.integration.faults.jobs.drivers import Drivers, Run
from tests.integration.faults.suffering import happen, processes

Ask = Callable[..., list[tuple[Any, ...]]]
Fault = tuple[str, str, str]  # job, in which phase, who

CHECKS = {
    "replica": """select (select sum(total_amount) from replica.orders),
                         (select sum(total_price) from replica.order_details)""",
    "marts": """select (select sum(total_amount) from marts.UserOrders),
                       (select sum(total_revenue) from marts.ProductSales)""",
}
# What the test waits for after a fault; the supervisor has started it.
SERVICES_OF = {"mysql": ("mysql",), "postgres": ("postgres",), "driver": ()}
# The fault comes at any moment of the phase, in seconds; the last steps of a warm job take tenths of a second.
LONGEST_PAUSE = {"load": 0.3, "before the swap": 0.05, "swap": 0.5}
SET_OF = {"replicate": REPLICA, "build_marts": MARTS}


class Reader(threading.Thread):
    """Reads replica and marts in a loop and keeps every state it saw; a server that is down shows nothing."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.ended = settings, threading.Event()
        self.seen: dict[str, set[tuple[Any, ...]]] = {name: set() for name in CHECKS}

    def run(self) -> None:
        while not self.ended.is_set():
            with (
                suppress(mysql.MysqlError, DriverError),
                closing(mysql.analyst(self.settings).connect()) as connection,
            ):
                while not self.ended.is_set():
                    for name, query in CHECKS.items():
                        self.seen[name] |= set(mysql.ask(connection, query))
                    time.sleep(0.05)
            time.sleep(0.2)

    def end(self) -> None:
        self.ended.set()
        self.join()


def sell(ask_source: Ask) -> None:
    """Add an order with one line to the shop, so that a copy has something new to show."""
    ask_source(
        """with o as (insert into source.orders (user_id, order_date, total_amount, status)
                      select min(user_id), now(), 12.34, 'Pending' from source.users returning order_id)
           insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
           select order_id, 1, (select min(product_id) from source.products), 1, 12.34, 12.34 from o"""
    )


def visible(stack: Stack, name: str) -> tuple[Any, ...]:
    """Return a set's state, which must be complete."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        (state,) = mysql.ask(connection, CHECKS[name])
    assert len(set(state)) == 1
    return state


def states(stack: Stack) -> dict[str, tuple[Any, ...]]:
    return {name: visible(stack, name) for name in CHECKS}


def total(ask_source: Ask) -> Any:
    return ask_source("select sum(total_amount) from source.orders")[0][0]


def wait_for_phase(stack: Stack, run: Run, phase: str) -> None:
    """Return when the job enters a phase, as its staging and its ledger show it."""
    reached = {
        "load": f"select 1 from information_schema.tables where table_schema = '{SET_OF[run.job].staging}' limit 1",
        "before the swap": f"""select 1 from ops.run_tables join ops.runs using (run_id)
                               where job = '{run.job}' and state = 'running' limit 1""",
        "swap": "select 1 from performance_schema.metadata_locks where lock_status = 'PENDING' limit 1",
    }
    with closing(mysql.admin(stack.settings).connect()) as connection:
        while not mysql.ask(connection, reached[phase]):
            assert not run.is_over(), f"the job ended before its {phase}: {run.said}"
            time.sleep(0.01)


def suffer(
    cluster: Stack,
    drivers: Drivers,
    reader: Reader,
    ask_source: Ask,
    fault: Fault,
    seed: int,
    asleep_seconds: int = 0,
) -> None:
    """Run a job, let the fault happen in it, rerun it if it failed; check what readers saw and what is left."""
    job, phase, victim = fault
    # The fault before may have left a replica that the marts do not show yet.
    if job == "replicate" or visible(cluster, "replica") == visible(cluster, "marts"):
        sell(ask_source)
    before, after = states(cluster), total(ask_source)
    if job == "build_marts" and before["replica"] != (after, after):
        drivers.run_to_its_end("replicate")
    driver, _ = drivers.pair()
    in_the_way = mysql.analyst(cluster.settings).connect(autocommit=False)
    try:
        if phase == "swap":
            mysql.ask(in_the_way, CHECKS[SET_OF[job].live])
        run = driver.start(job)
        victims = processes(cluster, victim, driver.process)
        assert victims, f"no {victim}"
        wait_for_phase(cluster, run, phase)
        time.sleep(random.Random(f"{seed} {fault}").uniform(0, LONGEST_PAUSE[phase]))
        assert not run.is_over(), f"the job ended before the fault: {run.said}"
        happen(victims, asleep_seconds)
    finally:
        with suppress(DriverError):
            in_the_way.close()
    has_succeeded = run.has_succeeded()
    cluster.start(SERVICES_OF.get(victim, ("spark",)))
    if not has_succeeded:
        drivers.run_to_its_end(job)
    assert_readers_saw_no_other(reader, before, after)
    assert_nothing_is_left(cluster, job, after)


def assert_readers_saw_no_other(reader: Reader, before: dict[str, tuple[Any, ...]], after: Any) -> None:
    reader.end()
    wrong = {name: seen - {before[name], (after, after)} for name, seen in reader.seen.items()}
    assert wrong == {"replica": set(), "marts": set()}


def assert_nothing_is_left(cluster: Stack, job: str, expected: Any) -> None:
    locks = "select object_name from performance_schema.metadata_locks where object_type = 'USER LEVEL LOCK'"
    with closing(mysql.admin(cluster.settings).connect()) as connection:
        assert mysql.tables_of(connection, SET_OF[job].staging) == set()
        assert mysql.ask(connection, locks) == []
        assert mysql.ask(connection, "select run_id from ops.runs where state = 'running'") == []
        assert mysql.ask(connection, CHECKS[SET_OF[job].live]) == [(expected, expected)]
