"""How far the replica is behind the shop: what waits in Kafka, and how much of PostgreSQL's log is not captured yet."""

import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from storeline.changes import position
from storeline.changes.messages import PARTITION
from storeline.replica import slot
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, mysql, postgres
from storeline.topics import CHANGES


@dataclass(frozen=True)
class ChangeLag:
    """How far it is. `seconds` is how long the oldest message has waited, None when none waits or that is unknown.

    `committed_at` is when the last applied transaction was committed in PostgreSQL, UTC; `is_held_up` says in a line
    what keeps changes from being captured.
    """

    topic: str
    next_offset: int
    waiting: int
    seconds: float | None
    committed_at: datetime | None
    uncaptured_bytes: int
    is_held_up: str | None


def lag(settings: Settings) -> ChangeLag | None:
    """Return how far the stream is, None if changes were never captured. Raises StorelineError and drivers' errors."""
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        captured = slot.current(cursor)
    if captured is None:
        return None
    with closing(mysql.analyst(settings).connect()) as connection:
        stored = position.stored(connection) or position.Position()
    state = kafka_topics.states(settings, [CHANGES.name]).get(CHANGES.name)
    first = latest = 0
    if state is not None:
        partition = state.partitions[PARTITION]
        is_same = stored.topic_id == state.topic_id
        first, latest = max(stored.next_offset if is_same else 0, partition.earliest), partition.latest
    waiting = max(0, latest - first)
    moment = kafka.moment_of(settings, CHANGES.name, PARTITION, first) if waiting else None
    return ChangeLag(
        CHANGES.name,
        stored.next_offset,
        waiting,
        max(0.0, time.time() - moment / 1000) if moment is not None else None,
        stored.committed_at,
        captured.unread_bytes,
        slot.loss(captured) or slot.warning(captured),
    )
