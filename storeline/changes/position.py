"""Where the stream of changes resumes and which run may write: its row of `ops.stream_positions`, the only truth.

The rules are those of the event stream's offsets, which are in PostgreSQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storeline.changes.messages import COPY_HELPS, PARTITION, CopyNeededError
from storeline.changes.visibility import Visibility
from storeline.errors import StorelineError
from storeline.replica.applied import STREAM
from storeline.replica.bases import Base
from storeline.stores import mysql
from storeline.stores.kafka_topics import TopicState
from storeline.topics import CHANGES

APPLIED = f"select changes from ops.stream_positions where stream = '{STREAM}'"  # nosec B608
COLUMNS = "base_run_id, topic_id, next_offset, last_end, last_transaction, committed_at, changes"


@dataclass(frozen=True)
class Position:
    """What is applied: everything before `next_offset`, on top of a copy."""

    base_run_id: str | None = None
    topic_id: str | None = None
    next_offset: int = 0
    last_end: int = 0
    last_transaction: int = 0
    committed_at: datetime | None = None  # UTC, without a time zone
    changes: int = 0  # applied so far


def stored(connection: Any) -> Position | None:
    """Return the stored position, None before the first run."""
    rows = mysql.ask(connection, f"select {COLUMNS} from ops.stream_positions where stream = %s", (STREAM,))
    return _of(rows[0]) if rows else None


def applied(connection: Any) -> int | None:
    """Return how many changes were applied so far, None before the first run; markers alone do not count."""
    rows = mysql.ask(connection, APPLIED)
    return rows[0][0] if rows else None


def _of(row: tuple[Any, ...]) -> Position:
    base_run_id, topic_id, next_offset, *rest = row
    return Position(base_run_id, topic_id, next_offset or 0, *rest)


def is_caught_up(connection: Any, run_id: str) -> bool:
    """Tell whether a copy holds exactly what was applied up to the stored position."""
    query = "select 1 from ops.stream_positions where stream = %s and caught_up_run_id = %s"
    return bool(mysql.ask(connection, query, (STREAM, run_id)))


def mark_caught_up(connection: Any, run_id: str) -> None:
    """Record that a copy, which is about to go live, holds exactly what was applied; `connection` holds the lock."""
    mysql.do(connection, "update ops.stream_positions set caught_up_run_id = %s where stream = %s", (run_id, STREAM))


def begin(connection: Any, run_id: str) -> Position:
    """Make this run the one that may write; return the stored position."""
    mysql.do(
        connection,
        """insert into ops.stream_positions (stream, run_id, started_at, last_end, last_transaction)
           values (%s, %s, utc_timestamp(6), 0, 0) as new
           on duplicate key update run_id = new.run_id, started_at = new.started_at""",
        (STREAM, run_id),
    )
    return stored(connection) or Position()


def claim(connection: Any, run_id: str) -> Position:
    """Lock the stream's row, until the transaction ends, and return it. Raises StorelineError for another run's."""
    query = f"select run_id, {COLUMNS} from ops.stream_positions where stream = %s for update"
    rows = mysql.ask(connection, query, (STREAM,))
    if not rows or rows[0][0] != run_id:
        raise StorelineError("another run of the stream has started: this one wrote nothing more")
    return _of(rows[0][1:])


def fence(connection: Any, run_id: str, position: Position) -> None:
    """Lock the stream's row. Raises StorelineError unless this run may continue from this position."""
    if claim(connection, run_id) != position:
        raise StorelineError("the stored position was changed by another process: restart the stream")


def advance(connection: Any, position: Position) -> None:
    """Store the position up to which everything is applied."""
    mysql.do(
        connection,
        # A copy moves the position, but applies nothing. MySQL assigns from left to right.
        """update ops.stream_positions set
               updated_at = if(committed_at <=> %s, updated_at, utc_timestamp(6)),
               base_run_id = %s, topic_id = %s, next_offset = %s, last_end = %s,
               last_transaction = %s, committed_at = %s, changes = %s
           where stream = %s""",
        (
            position.committed_at,
            position.base_run_id,
            position.topic_id,
            position.next_offset,
            position.last_end,
            position.last_transaction,
            position.committed_at,
            position.changes,
            STREAM,
        ),
    )


def moment(milliseconds: int) -> datetime:
    """Return a moment as MySQL stores it, or the nearest one that it can store."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 12, 31)


def after_copy(position: Position, base: Base, topic: TopicState) -> Position:
    """Return where a stream continues after a copy: where the copy says, otherwise where it was.

    That can be before what it has applied: what the copy's snapshot sees is skipped, and the copy lacks the rest.

    Raises CopyNeededError when changes that the copy does not hold are no longer in the topic.
    """
    seen = base.capture
    visible = Visibility.of(base.snapshot)
    partition = topic.partitions[PARTITION]
    if seen.topic_id is not None and seen.topic_id != topic.topic_id:
        raise CopyNeededError(f"topic {CHANGES.name} was recreated after the copy: {COPY_HELPS}")
    first = seen.next_offset
    if first is None:
        first = position.next_offset if position.topic_id == topic.topic_id else 0
    found = Position(base.run_id, topic.topic_id, first, 0, visible.xmax, position.committed_at, position.changes)
    check_range(found, partition.earliest, partition.latest)
    return found


def check_topic(position: Position, states: Mapping[str, TopicState]) -> None:
    """Raise CopyNeededError when the position cannot be resumed in Kafka."""
    state = states.get(CHANGES.name)
    if state is None or PARTITION not in state.partitions:
        raise CopyNeededError(
            f"topic {CHANGES.name} is not in Kafka: restart the stack, which creates it, then {COPY_HELPS}"
        )
    if position.topic_id is not None and state.topic_id != position.topic_id:
        raise CopyNeededError(f"topic {CHANGES.name} was recreated: {COPY_HELPS}")
    if position.topic_id is not None:
        partition = state.partitions[PARTITION]
        check_range(position, partition.earliest, partition.latest)


def check_range(position: Position, earliest: int, latest: int) -> None:
    """Raise CopyNeededError when the next message is no longer there, or the topic ends before it."""
    name, at = f"{CHANGES.name}[{PARTITION}]", position.next_offset
    if at < earliest:
        raise CopyNeededError(
            f"offsets {at} to {earliest - 1} of {name} were never applied and are no longer in Kafka: {COPY_HELPS}"
        )
    if at > latest:
        raise CopyNeededError(f"{name} ends at offset {latest}, but the stored offset is {at}: {COPY_HELPS}")
