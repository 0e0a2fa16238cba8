"""An event that cannot be taken becomes a dead letter that says why, byte for byte, and blocks no other."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka.admin import ConfigResource

from storeline.events import redrive
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics
from tests.integration.events import ADA, KNOWN, Ask, Sending, Take, line, moment, order, received, registration

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]

POISONS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong type": ({"order_version": "1"}, 'order_version: expected a whole number from 1 to 2147483647, found "1"'),
    "a fraction": ({"order_version": 1.5}, "order_version: expected a whole number"),
    "missing": ({"status": None}, "status: expected one of Pending, Paid, Completed, Aborted, found null"),
    "unknown version": ({"schema_version": 2}, "schema_version: expected 1, found 2"),
    "a text that is a number": ({"user_email": 5}, "user_email: expected a text of 1 to 255 characters, found 5"),
    "a zero byte": ({"user_email": "a\0b"}, "user_email: expected a text"),
    "half a character": ({"user_email": "a\ud83d"}, "not a JSON object"),
    "no day": ({"order_date": "2026-02-30T00:00:00Z"}, "order_date: expected a moment in UTC"),
    "no UTC": ({"order_date": "2026-02-03T00:00:00+02:00"}, "order_date: expected a moment in UTC"),
    "no lines": ({"lines": []}, "lines: expected a list of 1 to 1000 objects, found []"),
    "lines that are none": ({"lines": "two"}, 'lines: expected a list of 1 to 1000 objects, found "two"'),
    "a line that is none": ({"lines": [5]}, "lines: "),
    "half a cent": ({"lines": [line(price=0.005)]}, "lines: price_per_unit: expected an amount"),
    "a line's wrong type": ({"lines": [line() | {"quantity": "2"}]}, "lines: quantity: expected a whole number"),
    "the same line twice": ({"lines": [line(), line()]}, "two lines have the same line_number"),
    "delivered too early": (
        {"status": "Completed", "delivery_date": "2020-01-01T00:00:00Z"},
        "delivery_date is before order_date",
    ),
    "delivered and pending": ({"delivery_date": moment(5)}, "delivery_date must be set exactly when status is"),
    "too dear": ({"lines": [line(quantity=2**31 - 1, price=99999)]}, "the order costs 1000000000000 or more"),
}
RAW: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "bad JSON": (b"k", b'{"event_id": ', 'not a JSON object: {"event_id": '),
    "an array": (b"k", b"[1]", "not a JSON object: [1]"),
    "a key twice": (b"k", b'{"event_id": 1, "event_id": 2}', "not a JSON object"),
    "invalid UTF-8": (b"k", b'{"a": "\xff\xfe"}', "the value is not UTF-8"),
    "ten megabytes": (b"k", b"x" * 10_000_000, "10,000,000 bytes: expected 262,144 at most"),
    "a tombstone": (b"k", None, "the event has no value: an event cannot delete anything"),
    "a null key": (None, json.dumps(order(KNOWN)).encode(), "the message has no key: expected the event's order_id"),
    "another key": (b"k", json.dumps(order(KNOWN)).encode(), "the message's key is not the event's order_id: 6B"),
}


def test_every_poison_is_a_dead_letter_that_says_why_and_what_is_around_it_lands(
    sending: Sending, take: Take, ask_source: Ask, settings: Settings
) -> None:
    expected: dict[tuple[str, int, int], tuple[bytes | None, bytes | None, str]] = {}
    with closing(kafka.producer(settings)) as producer:

        def send_raw(key: bytes | None, value: bytes | None) -> tuple[str, int, int]:
            place = producer.send("orders", key=key, value=value).get(timeout=60)
            return "orders", place.partition, place.offset

        for changes, reason in POISONS.values():
            one, good = order(KNOWN, **changes), order(KNOWN)
            key, value = one["order_id"].encode(), json.dumps(one).encode()
            expected[send_raw(key, value)] = (key, value, reason)
            send_raw(good["order_id"].encode(), json.dumps(good).encode())
        for raw_key, raw_value, reason in RAW.values():
            expected[send_raw(raw_key, raw_value)] = (raw_key, raw_value, reason)
    sending.all(registration(ADA))
    count = len(POISONS) + len(RAW)
    assert take() == {"landed": len(POISONS) + 1, "dead": count}
    letters = {
        place: (key and bytes(key), value and bytes(value), reason)
        for *place_, key, value, reason in ask_source(
            'select topic, partition, "offset", key, value, reason from ops.dead_letters'
        )
        if (place := tuple(place_))
    }
    assert {place: letter[:2] for place, letter in letters.items()} == {p: e[:2] for p, e in expected.items()}
    unlike = [(e[2], letters[p][2]) for p, e in expected.items() if not letters[p][2].startswith(e[2])]
    assert unlike == []
    copies = sorted((one.value or b"") for one in received(settings, "dead-letters"))
    assert copies == sorted((value or b"") for _, value, _ in expected.values())


SENDERS_TIME = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
# A message's time in milliseconds, and whether a database accepts it.
TIMES = {
    -1: True,
    5: True,
    1_800_000_000_000: True,
    -63_000_000_000_000: False,  # in 27 B.C.
    253_402_300_800_000: False,  # the day after the end of the year 9999
}
# As microseconds they overflow inside Spark.
UNREADABLE_TIMES = (2**63 - 1, -(2**63) + 1, 9_223_372_036_854_776, -9_223_372_036_854_777)


def send(settings: Settings, *messages: tuple[dict[str, Any], int]) -> None:
    """Send orders, each with its own time set by the sender."""
    with closing(kafka.producer(settings)) as producer:
        for one, time in messages:
            key, value = one["order_id"].encode(), json.dumps(one).encode()
            producer.send("orders", key=key, value=value, partition=0, timestamp_ms=time).get(timeout=60)


@pytest.fixture
def senders_time(sending: Sending, settings: Settings) -> Iterator[None]:
    """Let the topic of orders keep the senders' times, whatever they are, like a topic created by others may."""
    with kafka.administration(settings) as client, closing(kafka.producer(settings)) as producer:
        client.alter_configs([ConfigResource("TOPIC", "orders", SENDERS_TIME)])
        # The broker applies it a moment later.
        while producer.send("orders", key=b"k", value=b"", partition=1, timestamp_ms=5).get(timeout=60).timestamp != 5:
            pass
    yield
    kafka_topics.make_topics(settings)


def test_a_message_has_the_brokers_time_whatever_its_sender_says(
    sending: Sending, take: Take, ask_source: Ask, settings: Settings
) -> None:
    times = (*TIMES, *UNREADABLE_TIMES)
    send(settings, *((order(KNOWN), time) for time in times))
    assert take() == {"landed": len(times)}
    assert ask_source("select count(*) from ops.events where produced_at between now() - interval '1 h' and now()") == [
        (len(times),)
    ]


@pytest.mark.usefixtures("senders_time")
def test_a_time_that_no_database_takes_is_a_dead_letter_and_stops_nothing(
    take: Take, ask_source: Ask, settings: Settings
) -> None:
    send(settings, *((order(KNOWN), time) for time in TIMES))
    dead = sum(not is_taken for is_taken in TIMES.values())
    before = take()
    assert before == {"landed": len(TIMES) - dead, "dead": before["dead"]}
    assert ask_source("select count(*) from ops.dead_letters where error_class = 'bad_time'") == [(dead,)]
    large = order(KNOWN, user_email="x" * 300_000)
    send(
        settings,
        *((order(KNOWN), time) for time in UNREADABLE_TIMES),
        (large, 2**63 - 1),
        *((order(KNOWN), time) for time in TIMES),
    )
    after = take()
    more_dead = len(UNREADABLE_TIMES) + 1 + dead
    assert after == {"landed": 2 * (len(TIMES) - dead), "dead": before["dead"] + more_dead}
    letters = ask_source("select reason, produced_at::text, value from ops.dead_letters where error_class = 'bad_time'")
    assert len(letters) == dead + more_dead
    assert {at for _, at, _ in letters} == {"1970-01-01 00:00:00+00"}
    said = " ".join(reason for reason, *_ in letters)
    assert [time for time in UNREADABLE_TIMES if f" {time} ms" not in said] == []
    assert json.dumps(large).encode() in [bytes(value) for *_, value in letters]
    own = "select count(*) from ops.events where outcome = 'landed' and produced_at = to_timestamp(0.005)"
    assert ask_source(own) == [(2,)]
    # With the broker's time they are taken.
    kafka_topics.make_topics(settings)
    assert redrive.redrive(settings, "bad_time") == dead + more_dead
    assert take()["landed"] == 2 * len(TIMES) + len(UNREADABLE_TIMES)
