"""Where the changes after a copy are captured from: the replication slot, and an offset before the end of the topic.

A slot that existed before the snapshot captures everything that the copy does not hold. And what was in the topic some
seconds earlier had been committed by then, so the copy holds it.
"""

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection

from storeline.replica import slot
from storeline.settings import Settings
from storeline.stores import kafka_topics
from storeline.stores.kafka import KafkaError
from storeline.topics import CHANGES

PARTITION = 0
WAIT_SECONDS = 2.0  # a copy does not need Kafka
# PostgreSQL writes a commit into its log, from where it is captured, a moment before other sessions see it. A backend
# that is not scheduled in between would be missing in the snapshot and in front of the topic's end.
COMMIT_SECONDS = 10.0


@dataclass(frozen=True)
class Capture:
    """What a copy saw; without a slot the stream cannot continue from it, without an offset it skips nothing."""

    slot_id: str | None = None
    topic_id: str | None = None
    next_offset: int | None = None


NOTHING_SEEN = Capture()


def seen(settings: Settings, connection: Connection) -> Capture:
    """Return what a copy that begins now sees, the slot first; Kafka need not answer. Raises psycopg2.Error."""
    with connection.cursor() as cursor:
        found = slot.current(cursor)
    connection.rollback()
    if found is None:
        return NOTHING_SEEN
    try:
        state = kafka_topics.states(settings, [CHANGES.name], WAIT_SECONDS).get(CHANGES.name)
        if state is None or PARTITION not in state.partitions:
            return Capture(found.slot_id)
        first = kafka_topics.offset_before_end(settings, CHANGES.name, PARTITION, COMMIT_SECONDS, WAIT_SECONDS)
    except KafkaError:
        return Capture(found.slot_id)
    return Capture(found.slot_id, state.topic_id, first)
