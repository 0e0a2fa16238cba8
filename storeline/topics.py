"""Kafka's topics, and what an event of each looks like. To add one, add an entry to `TOPICS` and its landing.

Units: bytes, hours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from storeline.settings import Settings

SCHEMA_VERSION = 1
# Larger than any event needs to be. A larger one becomes a dead letter, so that a batch stays small in memory.
MAX_EVENT_BYTES = 256 << 10
MAX_ORDER_LINES = 1000
# The header in which an event that is sent again names its dead letter.
REDRIVEN_HEADER = "storeline-dead-letter"
DEAD = "dead"  # staged instead of a topic's event when it cannot be taken
# Replaces a message's time that PostgreSQL does not accept; the dead letter's reason gives the true one.
NO_TIME = "1970-01-01 00:00:00"
MAX_MONEY = 10**12  # numeric(14,2)
STATUSES = ("Pending", "Paid", "Completed", "Aborted")
LOYALTY_STATUSES = ("Platinum", "Gold", "Silver", "Bronze", "Basic")


class Kind(StrEnum):
    """What a field of an event holds, worded for a dead letter's reason."""

    UUID = "a UUID"
    TEXT = "a text of 1 to 255 characters"
    MOMENT = "a moment in UTC such as 2026-01-31T12:00:00Z"
    WHOLE = "a whole number from 1 to 2147483647"
    ID = "a whole number from 1 to 9223372036854775807"
    MONEY = "an amount of 0 or more with at most two decimals"


@dataclass(frozen=True)
class Field:
    """A field of an event; a nullable one may also be omitted. `choices` limits its values."""

    name: str
    kind: Kind
    is_nullable: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Items:
    """A field that holds a list of 1 to `at_most` objects."""

    name: str
    fields: tuple[Field, ...]
    at_most: int


@dataclass(frozen=True)
class Rule:
    """What must be true of an event whose fields are as declared, and the reason given if it is not."""

    holds: Callable[[Mapping[str, Any]], bool]
    reason: str


@dataclass(frozen=True)
class Event:
    """What an event looks like; `key` is the field that the message's key repeats.

    `landing` is the module of `storeline/events/` whose statements, `LAND`, write it; within a batch topics land in the
    order of their `turn`, because the user of an order may come with it.
    """

    key: str
    fields: tuple[Field, ...]
    landing: str
    turn: int = 0
    items: Items | None = None
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in self.all_fields]
        if self.key not in names or len(set(names)) < len(names):
            raise ValueError(f"topics.py: the key {self.key} is not a field, or a field is named twice")

    @cached_property
    def all_fields(self) -> tuple[Field, ...]:
        """Return the fields that every event carries, then the event's own."""
        return (Field("event_id", Kind.UUID), Field("event_time", Kind.MOMENT), *self.fields)


@dataclass(frozen=True)
class Topic:
    """A Kafka topic: how it is created, and which events it carries if `stream_events` reads it."""

    name: str
    partitions: Callable[[Settings], int]
    retention_hours: Callable[[Settings], int]
    max_message_bytes: Callable[[Settings], int]
    event: Event | None = None

    def options(self, settings: Settings) -> dict[str, str]:
        """Return the topic's options as Kafka names them."""
        return {
            "retention.ms": str(self.retention_hours(settings) * 3_600_000),
            "max.message.bytes": str(self.max_message_bytes(settings)),
            # The broker's clock: a sender's may be outside Spark's range, and would decide what retention deletes.
            "message.timestamp.type": "LogAppendTime",
        }


def moment(text: str) -> datetime:
    """Return the moment that a field of `Kind.MOMENT` holds."""
    return datetime.fromisoformat(text)


ORDER = Event(
    key="order_id",
    fields=(
        Field("order_id", Kind.UUID),
        Field("order_version", Kind.WHOLE),
        Field("user_email", Kind.TEXT),
        Field("order_date", Kind.MOMENT),
        Field("status", Kind.TEXT, choices=STATUSES),
        Field("delivery_date", Kind.MOMENT, is_nullable=True),
    ),
    landing="land_orders",
    turn=1,
    items=Items(
        "lines",
        (
            Field("line_number", Kind.WHOLE),
            Field("product_id", Kind.ID),
            Field("quantity", Kind.WHOLE),
            Field("price_per_unit", Kind.MONEY),
        ),
        at_most=MAX_ORDER_LINES,
    ),
    rules=(
        Rule(
            lambda order: (order["status"] == "Completed") == (order.get("delivery_date") is not None),
            "delivery_date must be set exactly when status is Completed",
        ),
        Rule(
            lambda order: (
                order.get("delivery_date") is None or moment(order["delivery_date"]) >= moment(order["order_date"])
            ),
            "delivery_date is before order_date",
        ),
        Rule(
            lambda order: len({line["line_number"] for line in order["lines"]}) == len(order["lines"]),
            "two lines have the same line_number",
        ),
        Rule(
            lambda order: sum(line["quantity"] * line["price_per_unit"] for line in order["lines"]) < MAX_MONEY,
            f"the order costs {MAX_MONEY} or more",
        ),
    ),
)
REGISTRATION = Event(
    key="email",
    fields=(
        Field("first_name", Kind.TEXT),
        Field("last_name", Kind.TEXT),
        Field("email", Kind.TEXT),
        Field("phone", Kind.TEXT, is_nullable=True),
        Field("registration_date", Kind.MOMENT),
        Field("loyalty_status", Kind.TEXT, choices=LOYALTY_STATUSES),
    ),
    landing="land_users",
)


def _one(_: Settings) -> int:
    return 1


ORDERS = Topic(
    "orders",
    lambda s: s.kafka_event_partitions,
    lambda s: s.kafka_retention_hours,
    lambda s: s.kafka_event_max_bytes,
    ORDER,
)
USERS = Topic(
    "users-data",
    lambda s: s.kafka_event_partitions,
    lambda s: s.kafka_retention_hours,
    lambda s: s.kafka_event_max_bytes,
    REGISTRATION,
)
# A database's changes keep their order in one partition.
CHANGES = Topic("storeline.changes", _one, lambda s: s.kafka_retention_hours, lambda s: s.kafka_change_max_bytes)
# A sign of life every few seconds, so that Kafka Connect's position advances while the shop itself is quiet.
HEARTBEATS = Topic("storeline.heartbeats", _one, lambda s: 1, lambda s: 1 << 20)
DEAD_LETTERS = Topic(
    "dead-letters", _one, lambda s: s.kafka_dead_letter_retention_hours, lambda s: s.kafka_change_max_bytes
)
TOPICS = (ORDERS, USERS, CHANGES, HEARTBEATS, DEAD_LETTERS)
EVENTS = {topic: topic.event for topic in TOPICS if topic.event}
EVENT_TOPICS = tuple(EVENTS)

if len({topic.name for topic in TOPICS}) < len(TOPICS):
    raise ValueError("topics.py: a topic is named twice in TOPICS")
