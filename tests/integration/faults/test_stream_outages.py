"""Servers that are down for a while, and a stream that hangs."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from native import supervision
from native.stack import Stack
from storeline.stores import kafka, postgres
from storeline.topics import ORDERS
from tests.integration.events import KNOWN, Sending, accounted, order
from tests.integration.faults.stream_drivers import SECONDS, Driver, decided, writer

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture
def drivers() -> Iterator[list[Driver]]:
    """Return a list whose drivers are ended after the test."""
    found: list[Driver] = []
    yield found
    for one in found:
        one.end()


def stop(stack: Stack, service: str) -> None:
    with supervision.supervisor_of(stack.home) as supervisor:
        assert supervisor
        supervisor.stopProcessGroup(service)


@pytest.mark.slow(reason="two servers stop and start, and a driver notices each")
def test_a_run_outlives_an_outage_of_kafka_and_of_postgres(
    broker: Stack, sending: Sending, drivers: list[Driver]
) -> None:
    driver = Driver(broker, "outage")
    drivers.append(driver)
    sending.all(order(KNOWN))
    driver.wait_for(lambda: decided(broker) == 1, "an event was taken")
    run_id = writer(broker)

    try:
        stop(broker, "kafka")
        driver.wait_for(lambda: ": waiting for 0 s so far" in driver.said(), "it said that it waits")
        stop(broker, "postgres")
        broker.start(("postgres",))
        assert "stream_events: continues" not in driver.said()
    finally:
        broker.start(("postgres", "kafka"))
    driver.wait_for(lambda: "stream_events: continues after" in driver.said(), "it went on")
    sending.all(order(KNOWN))
    driver.wait_for(lambda: decided(broker) == 2, "the next event was taken")

    assert writer(broker) == run_id
    assert accounted(broker.settings) == {"landed": 2}


def test_a_stream_that_hangs_while_events_wait_ends_with_one_line(
    broker: Stack, sending: Sending, drivers: list[Driver]
) -> None:
    driver = Driver(broker, "hanging", STREAM_STALL_SECONDS="20")
    drivers.append(driver)
    sending.all(order(KNOWN))
    driver.wait_for(lambda: decided(broker) == 1, "an event was taken")
    with closing(postgres.owner(broker.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("lock table source.orders in share mode")
        sending.all(order(KNOWN))
        assert driver.process.wait(SECONDS) == 1
    line = "stream_events: nothing was taken for 20 s (STREAM_STALL_SECONDS) while 1 events wait"
    assert line in driver.said()


def test_a_topic_that_is_deleted_while_it_is_read_ends_the_run_with_one_line(
    broker: Stack, sending: Sending, drivers: list[Driver]
) -> None:
    driver = Driver(broker, "deleted", STREAM_BATCH_EVENTS="1")
    drivers.append(driver)
    sending.all(*(order(KNOWN) for _ in range(200)))  # one batch each: one of them is always being read
    driver.wait_for(lambda: decided(broker) > 2, "events were taken")
    with kafka.administration(broker.settings) as client:
        client.delete_topics([ORDERS.name])
    assert driver.process.wait(SECONDS) == 1
    # What it may hear first: that the topic is unknown, or that one of its partitions has another topic's id.
    (line,) = [one for one in driver.said().splitlines() if one.startswith("stream_events: topic orders ")]
    assert "is not in Kafka" in line or "was deleted or recreated while it was read" in line
