"""What a task turns Kafka's rows into: lines in COPY's text format for the tables in which events are staged."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import dropwhile
from operator import itemgetter
from typing import Any, NamedTuple

from storeline.events.rules import UUID, Broken, judge, read, unforeseen
from storeline.stores import copy_format
from storeline.topics import DEAD, EVENT_TOPICS, MAX_EVENT_BYTES, NO_TIME, Event

LARGE_BYTES = 64 << 10  # a larger dead event is fetched separately
# Marks a time that PostgreSQL does not store in a `place`; its milliseconds follow.
OUTSIDE = "\t!"
NAMES = [topic.name for topic in EVENT_TOPICS]
KINDS = (*NAMES, DEAD)  # of lines
EVENTS = {topic.name: topic.event for topic in EVENT_TOPICS if topic.event}
# An amount has at most 14 digits, which a float reproduces exactly.
ITEMS_AS_JSON = json.JSONEncoder(default=float, separators=(",", ":")).encode


class Message(NamedTuple):
    """A Kafka row, packed into few columns, because each one costs time on its way to Python.

    `place` is the start of a COPY line: topic, partition, offset, time and the dead letter that was sent again.
    `length` is set when key or value is too large to be sent here; both are then None.
    """

    place: str
    key: bytes | None
    value: bytes | None
    length: int | None


class Part(NamedTuple):
    """A task's result: the lines of each topic, or of dead letters, and the last offset that it took."""

    lines: dict[str, list[str]]
    topic: str
    partition: int
    last: int
    is_cut: bool


def parts(rows: Iterable[Sequence[Any]], taken: Mapping[tuple[str, int], int], most: int) -> Iterator[Part]:
    """Yield the result of a task's rows, which are one partition's in order; nothing if none is left.

    It starts after the offset in `taken`, and is cut after the row with which its lines reach `most` characters.
    """
    messages = dropwhile(lambda one: is_taken(one, taken), map(Message._make, rows))
    found: dict[str, list[str]] = {}
    length, last, is_cut = 0, None, False
    for message in messages:
        if is_cut := length >= most:
            break
        kind, line = line_of(message)
        found.setdefault(kind, []).append(line)
        length += len(line)
        last = message
    if last:
        yield Part(found, *place_of(last), is_cut)


def place_of(message: Message) -> tuple[str, int, int]:
    """Return a message's topic, partition and offset."""
    topic, partition, offset, _ = message.place.split("\t", 3)
    return topic, int(partition), int(offset)


def is_taken(message: Message, taken: Mapping[tuple[str, int], int]) -> bool:
    """Tell whether a message is at or before the last offset taken."""
    topic, partition, offset = place_of(message)
    return offset <= taken.get((topic, partition), -1)


def line_of(message: Message) -> tuple[str, str]:
    """Return a message's table (a topic's, or that of dead letters) and its line."""
    kind = message.place.partition("\t")[0]
    try:
        own = copy_format.line(good(EVENTS[kind], content(EVENTS[kind], message), message))
    except Broken as broken:
        kind, own = DEAD, copy_format.line(dead(broken, message))
    except Exception as error:  # so that no event, whatever it contains, blocks those after it
        kind, own = DEAD, copy_format.line(dead(unforeseen(error), message))
    return kind, f"{dated(message.place)}\t{own}"


def dated(place: str) -> str:
    """Return a place with a time that PostgreSQL accepts."""
    if OUTSIDE not in place:
        return place
    *where, _, redriven_from = place.split("\t")
    return "\t".join([*where, NO_TIME, redriven_from])


def content(event: Event, message: Message) -> dict[str, Any]:
    """Return the content of a valid event. Raises Broken."""
    if OUTSIDE in message.place:
        time = message.place.rpartition(OUTSIDE)[2].partition("\t")[0]
        raise Broken("bad_time", f"Kafka's time of the message is {time} ms: expected one in the years 1 to 9999")
    if message.length is not None:
        raise Broken("too_large", f"{message.length:,} bytes: expected {MAX_EVENT_BYTES:,} at most")
    if message.value is None:
        raise Broken("tombstone", "the event has no value: an event cannot delete anything")
    return judge(event, message.key, message.value)


def good(event: Event, fields: dict[str, Any], message: Message) -> Iterator[Any]:
    """Yield what follows the common columns in `staging.staged_columns`; items in the order of their first field."""
    for field in event.all_fields:
        yield fields.get(field.name)
    if event.items:
        names = [field.name for field in event.items.fields]
        items = sorted(fields[event.items.name], key=itemgetter(names[0]))
        yield ITEMS_AS_JSON([{name: one[name] for name in names} for one in items])
    yield from (held.decode() for held in (message.key, message.value) if held is not None)


def dead(broken: Broken, message: Message) -> Iterator[Any]:
    """Yield what follows the common columns in `dead_letters.COLUMNS`."""
    is_large = message.length is not None or len(message.key or b"") + len(message.value or b"") > LARGE_BYTES
    yield event_id(message.value)
    yield broken.error_class
    yield broken.reason
    yield is_large
    for held in (message.key, message.value):
        yield None if held is None or is_large else f"\\x{held.hex()}"


def event_id(value: bytes | None) -> str | None:
    """Return the id of an event that is broken elsewhere."""
    try:
        found = None if value is None else read(value).get("event_id")
    except Exception:  # it is dead anyway
        return None
    return found if isinstance(found, str) and UUID.fullmatch(found) else None
