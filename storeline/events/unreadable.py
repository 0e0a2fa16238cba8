"""What Spark's Kafka source cannot read: a message whose time overflows as microseconds, and its neighbours.

Only a topic that keeps the senders' times holds one. The plain client reads it and its neighbours: slower, with the
same outcomes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from storeline.events.lines import OUTSIDE, Message, Part, parts
from storeline.events.offsets import Positions
from storeline.settings import Settings
from storeline.stores import copy_format, kafka
from storeline.topics import MAX_EVENT_BYTES, REDRIVEN_HEADER

OVERFLOW = "overflows when converting to Spark's microsecond-precision"
MOST_DIGITS = 18  # of a dead letter's number
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_unreadable(error: BaseException | None) -> bool:
    """Tell whether reading failed on a message's time."""
    return error is not None and OVERFLOW in str(error)


def read(settings: Settings, positions: Positions, most_events: int, most_characters: int) -> Iterator[Part]:
    """Yield, in parts that fit in memory, the results of each partition's next messages. Raises KafkaError."""
    for (topic, partition), first in sorted(positions.items()):
        end, is_left = first + most_events, True
        while is_left:
            is_left = False
            for part in parts(messages(settings, topic, partition, first, end), {}, most_characters):
                yield part
                first, is_left = part.last + 1, part.is_cut


def messages(settings: Settings, topic: str, partition: int, first: int, end: int) -> Iterator[Message]:
    """Yield messages as `event_source.columns` selects them. Raises KafkaError."""
    for one in kafka.messages(settings, topic, partition, first, end):
        place = f"{topic}\t{partition}\t{one.offset}\t{time(one.timestamp)}\t{redriven_from(one.headers)}"
        length = max(len(one.key or b""), len(one.value or b""))
        is_small = length <= MAX_EVENT_BYTES
        yield Message(place, one.key, one.value, None) if is_small else Message(place, None, None, length)


def time(milliseconds: int) -> str:
    """Return a message's time in the format of a `place`."""
    try:
        return str((EPOCH + timedelta(milliseconds=milliseconds)).replace(tzinfo=None))
    except OverflowError:
        return f"{OUTSIDE.strip()}{milliseconds}"


def redriven_from(headers: list[tuple[str, bytes | None]]) -> str:
    """Return the dead letter's number from the first redriven header, or COPY's null."""
    held = next((value for name, value in headers if name == REDRIVEN_HEADER), None)
    is_number = held is not None and held.isdigit() and len(held) <= MOST_DIGITS
    return held.decode() if held is not None and is_number else copy_format.NULL
