"""The producers' events: seeded, in a sensible order, and broken only where configured."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from generators.event_texts import BREAKS, Message, broken
from generators.web_shop import Disorder, Order, Registrations, Shares, WebShop

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TIDY = Shares(0, 0, 0, 0)
MESSY = Shares(0.2, 0.2, 0.2, 0.2)
PRODUCTS = [(number, Decimal("9.99") + number) for number in range(1, 20)]


def web_shop(shares: Shares, seed: int = 1) -> WebShop:
    random = Random(seed)
    return WebShop(random, Disorder(random, shares), 60, ["a@example.com", "b@example.com"], PRODUCTS)


def messages(shares: Shares, seed: int = 1, minutes: int = 60) -> list[Message]:
    shop, found = web_shop(shares, seed), []
    for minute in range(minutes):
        now = NOW + timedelta(minutes=minute)
        found += [*shop.move_on(now), *shop.place(now)]
    return found


def test_the_same_seed_gives_the_same_events():
    assert messages(MESSY) == messages(MESSY)
    assert messages(MESSY) != messages(MESSY, seed=2)


def test_an_order_moves_from_pending_over_paid_to_its_end():
    versions = defaultdict(list)
    for one in messages(TIDY):
        event = json.loads(one.value)
        assert one.key == event["order_id"].encode()
        versions[event["order_id"]].append(event)
    for events in versions.values():
        statuses = tuple(event["status"] for event in events)
        assert [event["order_version"] for event in events] == list(range(1, len(events) + 1))
        assert statuses in {
            ("Pending", "Paid", "Completed")[: len(statuses)],
            ("Pending", "Aborted"),
            ("Pending", "Paid", "Aborted"),
        }
        assert all((event["delivery_date"] is not None) == (event["status"] == "Completed") for event in events)
        assert len({json.dumps(event["lines"]) for event in events}) == 1
    assert len({json.loads(one.value)["event_id"] for one in messages(TIDY)}) == len(messages(TIDY))


def test_disorder_is_as_frequent_as_asked_for():
    assert {one.kind for one in messages(TIDY)} == {"good"}
    kinds = [one.kind for one in messages(MESSY, minutes=600)]
    for kind in ("duplicate", "late", "out_of_order", *BREAKS):
        assert kind in kinds


def test_what_is_held_back_comes_after_a_later_version():
    seen: dict[str, int] = {}
    held = 0
    for one in messages(Shares(0, 0, 0.5, 0), minutes=200):
        event = json.loads(one.value)
        if one.kind == "out_of_order":
            held += 1
            assert seen[event["order_id"]] > event["order_version"]
        seen[event["order_id"]] = max(seen.get(event["order_id"], 0), event["order_version"])
    assert held > 10


@pytest.mark.parametrize("way", range(len(BREAKS)))
def test_a_broken_event_is_unlike_the_good_one(way):
    good = messages(TIDY)[0]
    bad = broken(good, way)
    assert bad.kind == list(BREAKS)[way]
    assert replace(bad, kind=good.kind) != good


def test_registrations_of_two_sessions_have_different_addresses():
    def emails(session: int) -> set[bytes | None]:
        random = Random(1)
        made = Registrations(random, Disorder(random, TIDY), session)
        return {one.key for _ in range(50) for one in made.register(NOW)}

    assert len(emails(1)) == 50
    assert not emails(1) & emails(2)


def test_an_unfinished_order_of_an_earlier_session_goes_on():
    shop = web_shop(TIDY)
    shop.will_change(Order("x", 2, "a@example.com", NOW, "Paid", None, ()), NOW)
    shop.will_change(Order("y", 3, "a@example.com", NOW, "Completed", NOW, ()), NOW)
    (one,) = shop.move_on(NOW + timedelta(days=1))
    assert json.loads(one.value)["order_version"] == 3
