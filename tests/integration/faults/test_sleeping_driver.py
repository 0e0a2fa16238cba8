"""A driver of the stream that is stopped in one of its phases: its successor ends its session and continues.

Each driver but the last succeeds one that sleeps, and is then stopped itself; in the end all wake.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from native.stack import Stack
from storeline.events.lag import lags
from storeline.stores import postgres
from tests.integration.events import KNOWN, Sending, accounted, order
from tests.integration.faults.stream_drivers import Driver, decided, runs_ended, session_of, writer

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture
def drivers() -> Iterator[list[Driver]]:
    """Return a list whose drivers are ended after the test."""
    found: list[Driver] = []
    yield found
    for one in found:
        one.end()


def start(stack: Stack, drivers: list[Driver]) -> Driver:
    drivers.append(Driver(stack, f"sleeper-{len(drivers)}"))
    return drivers[-1]


def land_one(stack: Stack, driver: Driver, sending: Sending) -> None:
    before = decided(stack)
    sending.all(order(KNOWN))
    driver.wait_for(lambda: decided(stack) > before, "an event was taken")


def begin(stack: Stack, driver: Driver, before: str | None) -> str:
    """Wait until a driver is the one that may write; return its run."""
    driver.wait_for(lambda: writer(stack) != before, "the run had begun")
    return str(writer(stack))


def stop_in_the_transaction(stack: Stack, driver: Driver, run_id: str, sending: Sending) -> None:
    """Stop it while another session's lock blocks its INSERT; then its backend waits in the transaction."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("lock table source.orders in share mode")
        sending.all(order(KNOWN))
        driver.wait_for(lambda: session_of(stack, run_id) == "waits for a lock", "the driver waited")
        driver.send(signal.SIGSTOP)
    driver.wait_for(lambda: session_of(stack, run_id) == "idle in transaction", "its backend had inserted")


def stop_at_rest(stack: Stack, driver: Driver, run_id: str, sending: Sending, events: int) -> None:
    """Stop it outside a transaction: right after a commit, or, if many events were sent, while it reads them."""
    for _ in range(50):
        before = decided(stack)
        sending.all(*(order(KNOWN) for _ in range(events)))
        if events == 1:
            driver.wait_for(lambda: decided(stack) > before, "a commit")  # noqa: B023
        driver.send(signal.SIGSTOP)
        time.sleep(0.2)
        if session_of(stack, run_id) == "idle" and (events == 1 or decided(stack) == before):
            return
        driver.send(signal.SIGCONT)
        driver.wait_for(lambda: decided(stack) >= before + events, "the rest")  # noqa: B023
    raise AssertionError("the driver was never at rest")


@pytest.mark.slow(reason="five drivers, each the successor of the one before")
def test_a_driver_that_sleeps_in_any_phase_neither_holds_its_successor_up_nor_writes_next_to_it(
    broker: Stack, sending: Sending, drivers: list[Driver]
) -> None:
    run_ids = []

    first = start(broker, drivers)
    run_ids.append(begin(broker, first, None))
    land_one(broker, first, sending)
    stop_in_the_transaction(broker, first, run_ids[-1], sending)

    second = start(broker, drivers)  # before its first transaction
    run_ids.append(begin(broker, second, run_ids[-1]))
    second.send(signal.SIGSTOP)

    for events in (1, 300):
        driver = start(broker, drivers)
        run_ids.append(begin(broker, driver, run_ids[-1]))
        land_one(broker, driver, sending)
        stop_at_rest(broker, driver, run_ids[-1], sending, events)

    last = start(broker, drivers)
    begin(broker, last, run_ids[-1])
    land_one(broker, last, sending)

    for sleeper in drivers[:-1]:
        sleeper.send(signal.SIGCONT)
    assert [sleeper.process.wait(120) for sleeper in drivers[:-1]] == [1, 1, 1, 1]
    for sleeper in drivers[:-1]:
        assert "stream_events: another run of the stream has started" in sleeper.said()
    assert [runs_ended(driver.said()) for driver in drivers] == [[], *([run_id] for run_id in run_ids)]

    land_one(broker, last, sending)
    last.wait_for(lambda: not any(one.lag for one in lags(broker.settings)), "everything was taken")
    assert set(accounted(broker.settings)) == {"landed"}
