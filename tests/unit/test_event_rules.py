"""Which events are taken and which are refused, by the rules alone; real streams test the dead letters."""

import json

import pytest

from storeline.events.lines import parts
from storeline.events.rules import Broken, judge
from storeline.stores import copy_format
from storeline.topics import Event, Field, Items, Kind, Rule

ID = "00000000-0000-0000-0000-00000000000a"
WHEN = "2026-01-31T12:00:00Z"
EVENT = Event(
    key="name",
    fields=(
        Field("name", Kind.TEXT),
        Field("count", Kind.ID, is_nullable=True),
        Field("size", Kind.WHOLE, is_nullable=True),
    ),
    landing="land_things",
    items=Items("prices", (Field("price", Kind.MONEY),), at_most=2),
    rules=(Rule(lambda one: one["name"] != "Nobody", "nobody comes"),),
)
GOOD = {"event_id": ID, "event_time": WHEN, "schema_version": 1, "name": "Ada", "prices": [{"price": 1.5}]}


def text(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"count": None},
        {"count": 1, "size": 1},
        {"count": 2**63 - 1, "size": 2**31 - 1},
        {"event_time": "2026-01-31T12:00:00.123456+00:00"},
        {"prices": [{"price": 0}, {"price": 999999999999.99}]},
        {"unknown": {"fields": "are left alone"}},
    ],
)
def test_what_is_as_declared_is_taken(changes):
    assert judge(EVENT, b"Ada", text(**changes))["name"] == "Ada"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"count": True}, "count: expected a whole number from 1 to 9223372036854775807, found true"),
        ({"count": 0}, "count: expected a whole number from 1"),
        ({"count": 2**63}, "count: expected a whole number"),
        ({"size": 0}, "size: expected a whole number from 1 to 2147483647, found 0"),
        ({"size": 2**31}, "size: expected a whole number from 1 to 2147483647"),
        ({"count": 1.0}, "count: expected a whole number"),
        ({"schema_version": True}, "schema_version: expected 1, found true"),
        ({"schema_version": 1.0}, "schema_version: expected 1"),
        ({"event_id": ID + "\n"}, "event_id: expected a UUID"),
        ({"event_time": WHEN + "\n"}, "event_time: expected a moment in UTC"),
        ({"event_time": "2026-01-31T12:00:00.1234567Z"}, "event_time: expected a moment in UTC"),
        (
            {"prices": [{"price": "1.50"}]},
            "prices: price: expected an amount of 0 or more with at most two decimals, fo",
        ),
        ({"prices": [{"price": 1.005}]}, "prices: price: expected an amount"),
        ({"prices": [{"price": 10**12}]}, "prices: price: expected an amount"),
        ({"prices": [{"price": -0.01}]}, "prices: price: expected an amount"),
        ({"prices": [{}]}, "prices: price: expected an amount of 0 or more with at most two decimals, found nothing"),
        ({"name": "Nobody"}, "nobody comes"),
        ({"name": "x" * 256}, f'name: expected a text of 1 to 255 characters, found "{"x" * 59}…'),
    ],
)
def test_what_is_not_is_refused_with_a_reason(changes, reason):
    with pytest.raises(Broken) as broken:
        judge(EVENT, b"Ada", text(**changes))
    assert broken.value.reason.startswith(reason)


@pytest.mark.parametrize(
    "value",
    [b"", b"null", b"[" * 100_000, b'{"a": NaN}', b'{"a": 1, "a": 1}', b'{"a": "\\ud800"}', b"{} {}", b"1" * 9999],
)
def test_what_is_no_json_object_is_refused(value):
    with pytest.raises(Broken) as broken:
        judge(EVENT, b"Ada", value)
    assert broken.value.error_class == "bad_json"


def test_a_line_holds_what_copy_reads_back():
    assert copy_format.line(["a\tb", None, "\\N", "c\r\nd", 5]) == "a\\tb\t\\N\t\\\\N\tc\\r\\nd\t5"


def test_a_tasks_lines_come_by_kind_with_their_place():
    place = "orders\t0\t7\t2026-01-31 12:00:00\t\\N"
    rows = [(place, None, b"\xff", None), (place, None, None, 300_000), (place, b"k", None, None)]
    (part,) = parts(rows, {}, 1000)
    assert part[1:] == ("orders", 0, 7, False)
    assert list(part.lines) == ["dead"]
    assert [line.removeprefix(place).split("\t")[2:5] for line in part.lines["dead"]] == [
        ["invalid_utf8", "the value is not UTF-8", "False"],
        ["too_large", "300,000 bytes: expected 262,144 at most", "True"],
        ["tombstone", "the event has no value: an event cannot delete anything", "False"],
    ]
    assert [line.split("\t")[-1] for line in part.lines["dead"]] == ["\\\\xff", "\\N", "\\N"]


def test_a_task_is_cut_where_its_lines_are_too_long_and_goes_on_there():
    rows = [(f"orders\t1\t{offset}\t2026-01-31 12:00:00\t\\N", None, b"x" * 100, None) for offset in range(5, 12)]
    taken, seen = {}, []
    while found := list(parts(rows, taken, 500)):
        (part,) = found
        seen.append(part)
        taken[part.topic, part.partition] = part.last
    offsets = [[int(line.split("\t")[2]) for line in part.lines["dead"]] for part in seen]
    assert offsets == [[5, 6], [7, 8], [9, 10], [11]]
    assert [part.is_cut for part in seen] == [True, True, True, False]
    assert list(parts([], {}, 500)) == []


def test_even_the_longest_line_is_taken():
    rows = [("orders\t0\t7\t2026-01-31 12:00:00\t\\N", None, b"x" * 5000, None)] * 2
    assert [(len(part.lines["dead"]), part.is_cut) for part in parts(rows, {}, 1)] == [(1, True)]
