"""How the web shop's events look in Kafka: key and value, good or broken in one of several ways."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from storeline.topics import SCHEMA_VERSION

LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Message:
    """A message to send. A broken one keeps the `event_id` of its event; `kind` says why it was sent like this."""

    topic: str
    key: bytes | None
    value: bytes | None
    event_id: str
    kind: str = "good"


def moment(when: datetime) -> str:
    """Return a timestamp as events write it."""
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def as_json(content: Mapping[str, Any]) -> bytes:
    """Return an event's value; amounts keep two decimals."""
    return json.dumps(content, ensure_ascii=False, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)  # its shortest text is the amount itself
    return moment(value) if isinstance(value, datetime) else str(value)


def message(topic: str, key: str, event_id: UUID, when: datetime, content: Mapping[str, Any]) -> Message:
    """Return a good event."""
    head = {"event_id": event_id, "event_time": when, "schema_version": SCHEMA_VERSION}
    return Message(topic, key.encode(), as_json({**head, **content}), str(event_id))


def _changed(one: Message, **fields: Any) -> Message:
    return replace(one, value=as_json({**json.loads(one.value or b"{}"), **fields}))


# The ways to break an event.
BREAKS: dict[str, Callable[[Message], Message]] = {
    "bad_json": lambda one: replace(one, value=(one.value or b"")[:-1]),
    "wrong_type": lambda one: _changed(one, event_time=7),
    "unknown_version": lambda one: _changed(one, schema_version=SCHEMA_VERSION + 1),
    "invalid_utf8": lambda one: replace(one, value=(one.value or b"") + b"\xff"),
    "null_key": lambda one: replace(one, key=None),
    "tombstone": lambda one: replace(one, value=None),
}


def broken(one: Message, way: int) -> Message:
    """Return an event broken in the `way`-th way, wrapping around."""
    name = list(BREAKS)[way % len(BREAKS)]
    return replace(BREAKS[name](one), kind=name)
