"""What cannot be taken becomes a dead letter that says why, byte for byte, and keeps nothing else out."""

import json
from typing import Any

import pytest

from storeline.settings import Settings
from tests.integration.events import ADA, KNOWN, Ask, Sending, Take, line, moment, order, received, registration

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]

POISONS: dict[str, tuple[dict[str, Any], str]] = {
    "wrong type": ({"order_version": "1"}, 'order_version: expected a whole number from 1 to 2147483647, found "1"'),
    "a fraction": ({"order_version": 1.5}, "order_version: expected a whole number"),
    "missing": ({"status": None}, "status: expected one of Pending, Paid, Completed, Aborted, found null"),
    "unknown version": ({"schema_version": 2}, "schema_version: expected 1, found 2"),
    "a text that is a number": ({"user_email": 5}, "user_email: expected a text of 1 to 255 characters, found 5"),
    "a zero byte": ({"user_email": "a\0b"}, "user_email: expected a text"),
    "half a character": ({"user_email": "a\ud83d"}, "no JSON object"),
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
    "delivered and pending": ({"delivery_date": moment(5)}, "delivery_date must be there exactly when status is"),
    "too dear": ({"lines": [line(quantity=2**31 - 1, price=99999)]}, "the order costs 1000000000000 or more"),
}
RAW: dict[str, tuple[bytes | None, bytes | None, str]] = {
    "bad JSON": (b"k", b'{"event_id": ', 'no JSON object: {"event_id": '),
    "an array": (b"k", b"[1]", "no JSON object: [1]"),
    "a key twice": (b"k", b'{"event_id": 1, "event_id": 2}', "no JSON object"),
    "invalid UTF-8": (b"k", b'{"a": "\xff\xfe"}', "the value is not UTF-8"),
    "ten megabytes": (b"k", b"x" * 10_000_000, "10,000,000 bytes: expected 262,144 at most"),
    "a tombstone": (b"k", None, "the event has no value: nothing is deleted by an event"),
    "a null key": (None, json.dumps(order(KNOWN)).encode(), "the message has no key: expected the event's order_id"),
    "another key": (b"k", json.dumps(order(KNOWN)).encode(), "the message's key is not the event's order_id: 6B"),
}


def test_every_poison_is_a_dead_letter_that_says_why_and_what_is_around_it_lands(
    sending: Sending, take: Take, ask_source: Ask, settings: Settings
) -> None:
    expected = {}
    for changes, reason in POISONS.values():
        one = order(KNOWN, **changes)
        sending.raw("orders", one["order_id"].encode(), json.dumps(one).encode())
        expected[sending.placed[-1]] = (one["order_id"].encode(), json.dumps(one).encode(), reason)
        sending.all(order(KNOWN))
    for key, value, reason in RAW.values():
        sending.raw("orders", key, value)
        expected[sending.placed[-1]] = (key, value, reason)
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
