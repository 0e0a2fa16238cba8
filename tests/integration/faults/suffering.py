"""A job that suffers a fault while readers look on, and what must be true afterwards."""

import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
from mysql.connector import Error as DriverError

from native.stack import Stack
from storeline import mysql
from storeline.generation import MARTS, REPLICA
from storeline.settings import ROOT, Settings
from tests.integration.conftest import submit

Ask = Callable[..., list[tuple[Any, ...]]]
Fault = tuple[str, str, str]  # job, in which phase, who

CHECKS = {
    "replica": """select (select sum(total_amount) from replica.orders),
                         (select sum(total_price) from replica.order_details)""",
    "marts": """select (select sum(total_amount) from marts.UserOrders),
                       (select sum(total_revenue) from marts.ProductSales)""",
}
BUILT = ("UserOrders", "ProductSales")
SET_OF = {"replicate": REPLICA, "build_marts": MARTS}


def make_tree(stack: Stack) -> None:
    """Copy the code with the marts of CHECKS alone: what happens to a build does not hang on how many there are."""
    for name in ("storeline", "spark_jobs"):
        shutil.copytree(ROOT / name, tree(stack) / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".env", tree(stack))
    for mart in (tree(stack) / "spark_jobs" / "marts").glob("*.sql"):
        if mart.stem not in BUILT:
            mart.unlink()


def tree(stack: Stack) -> Path:
    return stack.home / "code"


def start(stack: Stack, job: str) -> Popen[str]:
    return submit(stack, job, "--master", stack.settings.spark_master_url, root=tree(stack))


def run_to_its_end(stack: Stack, job: str) -> None:
    process = start(stack, job)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err


class Reader(threading.Thread):
    """Reads replica and marts in a loop and keeps every state that it saw; a server that is down shows nothing."""

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
    """Add an order of one line to the shop, so that a copy has something new to show."""
    ask_source(
        """with o as (insert into source.orders (user_id, order_date, total_amount, status)
                      select min(user_id), now(), 12.34, 'Pending' from source.users returning order_id)
           insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
           select order_id, 1, (select min(product_id) from source.products), 1, 12.34, 12.34 from o"""
    )


def visible(stack: Stack, name: str) -> tuple[Any, ...]:
    """Return a set's state, which must be whole."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        (state,) = mysql.ask(connection, CHECKS[name])
    assert len(set(state)) == 1
    return state


def states(stack: Stack) -> dict[str, tuple[Any, ...]]:
    return {name: visible(stack, name) for name in CHECKS}


def total(ask_source: Ask) -> Any:
    return ask_source("select sum(total_amount) from source.orders")[0][0]


def wait_for_phase(stack: Stack, job: str, phase: str, process: Popen[str]) -> None:
    """Return when the job is in a phase, as its staging and its ledger show it."""
    reached = {
        "load": f"select 1 from information_schema.tables where table_schema = '{SET_OF[job].staging}' limit 1",
        "before the swap": f"""select 1 from ops.run_tables join ops.runs using (run_id)
                               where job = '{job}' and state = 'running' limit 1""",
        "swap": "select 1 from performance_schema.metadata_locks where lock_status = 'PENDING' limit 1",
    }
    with closing(mysql.admin(stack.settings).connect()) as connection:
        while not mysql.ask(connection, reached[phase]):
            assert process.poll() is None, f"the job ended before its {phase}: {process.communicate()}"
            time.sleep(0.01)


def processes(stack: Stack, victim: str, job: Popen[Any]) -> list[psutil.Process]:
    """Return the processes of a victim; the driver is spark-submit with its Python."""
    if victim == "driver":
        driver = psutil.Process(job.pid)
        return [driver, *driver.children(recursive=True)]
    name = "spark-worker" if victim == "executor" else victim
    (number,) = (int(one.description.split()[1].rstrip(",")) for one in stack.status() if one.name == name)
    process = psutil.Process(number)
    if victim != "executor":
        return [process]
    return [child for child in process.children() if is_executor(child)]


def is_executor(process: psutil.Process) -> bool:
    """Tell an executor; one that has ended and is not yet gone has no command line any more."""
    try:
        return "CoarseGrainedExecutorBackend" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def happen(victims: list[psutil.Process], asleep_seconds: int) -> None:
    """Let processes sleep, or kill them where they are not to wake again."""
    if asleep_seconds:
        send(victims, signal.SIGSTOP)
        time.sleep(asleep_seconds)
        send(victims, signal.SIGCONT)
    else:
        send(victims, signal.SIGKILL)


def send(victims: list[psutil.Process], number: signal.Signals) -> None:
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(number)


def end(job: Popen[str]) -> None:
    """Kill what a test that failed has left running."""
    with suppress(psutil.NoSuchProcess):
        driver = psutil.Process(job.pid)
        send([*driver.children(recursive=True), driver], signal.SIGKILL)
    job.wait()


def suffer(cluster: Stack, reader: Reader, ask_source: Ask, fault: Fault, seed: int, asleep_seconds: int = 0) -> None:
    """Run a job, let the fault happen in it, then again if it failed; hold what readers saw and what is left."""
    job, phase, victim = fault
    before = states(cluster)
    sell(ask_source)
    after = total(ask_source)
    if job == "build_marts":
        run_to_its_end(cluster, "replicate")
    in_the_way = mysql.analyst(cluster.settings).connect(autocommit=False)
    if phase == "swap":
        mysql.ask(in_the_way, CHECKS[SET_OF[job].live])
    process = start(cluster, job)
    try:
        wait_for_phase(cluster, job, phase, process)
        time.sleep(random.Random(f"{seed} {fault}").uniform(0, 0.5))
        victims = processes(cluster, victim, process)
        assert victims, f"no {victim}"
        happen(victims, asleep_seconds)
        with suppress(DriverError):
            in_the_way.close()
        process.communicate(timeout=400)
    finally:
        end(process)
    cluster.start(("postgres", "mysql", "spark"))
    if process.returncode != 0:
        run_to_its_end(cluster, job)
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
