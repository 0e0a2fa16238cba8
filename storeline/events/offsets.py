"""Where a stream resumes and who may write: `ops.streams` and `ops.stream_offsets` in PostgreSQL, the only truth.

Nothing is ever skipped here without `reset`, which reports what it skips.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg2.extensions import cursor as Cursor

from storeline.errors import StorelineError
from storeline.stores.kafka_topics import TopicState

STREAM = "stream_events"
Place = tuple[str, int]  # topic and partition
Positions = dict[Place, int]  # the next offset to read
OUT = "`storeline reset-stream earliest` continues with what is there"


def name_session(cursor: Cursor, run_id: str, stream: str = STREAM) -> None:
    """Label this session in PostgreSQL with its run, so that a successor can end it."""
    cursor.execute("select set_config('application_name', %s, false)", (f"{stream} {run_id}",))


def end_sessions(cursor: Cursor, stream: str = STREAM) -> list[str]:
    """End every other session of the stream; return their runs.

    A stopped driver keeps its transaction open, and with it the lock that a successor needs.
    """
    cursor.execute(
        """with other as materialized (
               select pid, application_name from pg_stat_activity
               where usename = current_user and datname = current_database() and pid <> pg_backend_pid()
                   and starts_with(application_name, %s)
           )
           select split_part(application_name, ' ', 2) from other where pg_terminate_backend(pid, 10000)""",
        (f"{stream} ",),
    )
    return sorted(run_id for (run_id,) in cursor.fetchall())


def claim(cursor: Cursor, run_id: str, stream: str = STREAM) -> None:
    """Lock the stream's row. Raises StorelineError unless this run may still write."""
    cursor.execute("select run_id from ops.streams where stream = %s for update", (stream,))
    row: Any = cursor.fetchone()
    if row is None or row[0] != run_id:
        raise StorelineError("another run of the stream has started, or it was reset: this one wrote nothing more")


def begin(cursor: Cursor, run_id: str, states: Mapping[str, TopicState], stream: str = STREAM) -> Positions:
    """Make this run the one that may write and return its positions; the caller saw no `problems`, and commits.

    A run that resumes after an outage begins in the same way.
    """
    cursor.execute(
        """insert into ops.streams (stream, run_id) values (%s, %s)
           on conflict (stream) do update set run_id = excluded.run_id, started_at = now()""",
        (stream, run_id),
    )
    stored = stored_offsets(cursor, stream)
    positions = {}
    for state in states.values():
        is_new = not any(topic == state.name for topic, _ in stored)
        for number, partition in state.partitions.items():
            place = (state.name, number)
            # For a topic that was never read, everything is new; a partition added later begins at 0.
            first = partition.earliest if is_new else 0
            positions[place] = stored[place][1] if place in stored else first
            if place not in stored:
                add_partition(cursor, place, state.topic_id, first, stream)
    return positions


def problems(
    wanted: Iterable[str], stored: Mapping[Place, tuple[str, int]], states: Mapping[str, TopicState]
) -> list[str]:
    """Return a line for each reason why the stored offsets (topic id and next offset) cannot be resumed in Kafka."""
    found = [
        f"topic {name} is not in Kafka: restart the stack, which creates it, then run `storeline reset-stream earliest`"
        for name in wanted
        if name not in states
    ]
    for (name, number), (topic_id, position) in sorted(stored.items()):
        state = states.get(name)
        if state is None:
            continue
        partition = state.partitions.get(number)
        if state.topic_id != topic_id:
            line = f"topic {name} was recreated (its id was {topic_id}, now it is {state.topic_id}): {OUT}"
            found += [line] if line not in found else []
        elif partition is None or partition.latest < position:
            end = partition.latest if partition else 0
            found.append(f"{name}[{number}] ends at offset {end}, but the stored offset is {position}: {OUT}")
        elif position < partition.earliest:
            gone = f"offsets {position} to {partition.earliest - 1} of {name}[{number}]"
            found.append(f"{gone} were never read and are no longer in Kafka: {OUT}, without them")
    return found


def add_partition(cursor: Cursor, place: Place, topic_id: str, position: int, stream: str = STREAM) -> None:
    """Record where a partition that was never read begins."""
    cursor.execute(
        "insert into ops.stream_offsets (stream, topic, partition, topic_id, next_offset) values (%s, %s, %s, %s, %s)",
        (stream, *place, topic_id, position),
    )
    _remember(cursor, place[0], topic_id)


def _remember(cursor: Cursor, topic: str, topic_id: str) -> None:
    cursor.execute(
        "insert into ops.stream_topics (topic_id, topic) values (%s, %s) on conflict do nothing", (topic_id, topic)
    )


def fence(cursor: Cursor, run_id: str, positions: Positions, stream: str = STREAM) -> None:
    """Begin a transaction of the stream: lock its row, raise StorelineError unless this run may continue from here."""
    claim(cursor, run_id, stream)
    stored = {place: offset for place, (_, offset) in stored_offsets(cursor, stream).items()}
    if stored != positions:
        moved = sorted(place for place in stored.keys() | positions if stored.get(place) != positions.get(place))
        name, number = moved[0]
        raise StorelineError(
            f"the stored offset of {name}[{number}] was changed by another process: restart the stream"
        )


def add_caught_up(cursor: Cursor, seconds: float, stream: str = STREAM) -> None:
    """Record how much longer the stream was caught up: only this time counts as waiting."""
    cursor.execute(
        "update ops.streams set caught_up_seconds = caught_up_seconds + %s where stream = %s", (seconds, stream)
    )


def advance(cursor: Cursor, ends: Positions, stream: str = STREAM) -> None:
    """Store the offset up to which everything has its outcome."""
    for (topic, partition), offset in ends.items():
        cursor.execute(
            """update ops.stream_offsets set next_offset = %s, updated_at = clock_timestamp()
               where stream = %s and topic = %s and partition = %s""",
            (offset, stream, topic, partition),
        )


def ends(states: Mapping[str, TopicState]) -> Positions:
    """Return where each partition ends."""
    return {
        (state.name, number): partition.latest
        for state in states.values()
        for number, partition in state.partitions.items()
    }


def reset(cursor: Cursor, states: Mapping[str, TopicState], from_earliest: bool, stream: str = STREAM) -> list[str]:
    """Begin with every topic as it is now, at its first or its last offset; return what that skips.

    A run in progress loses its session, and ends. Events that are read again keep the outcome that they have.
    """
    end_sessions(cursor, stream)
    stored = stored_offsets(cursor, stream)
    cursor.execute(
        """insert into ops.streams (stream, run_id) values (%s, 'reset')
           on conflict (stream) do update set run_id = 'reset'""",
        (stream,),
    )
    cursor.execute("delete from ops.stream_offsets where stream = %s", (stream,))
    said = []
    for state in states.values():
        for number, partition in state.partitions.items():
            place = (state.name, number)
            position = partition.earliest if from_earliest else partition.latest
            add_partition(cursor, place, state.topic_id, position, stream)
            said.append(f"{state.name}[{number}]: {_skipped(stored.get(place), state, position)}")
    return said


def _skipped(before: tuple[str, int] | None, state: TopicState, position: int) -> str:
    goes_on = f"continues with offset {position}"
    if before is None:
        return f"{goes_on}, never read before"
    topic_id, offset = before
    if topic_id != state.topic_id:
        return f"{goes_on} of the new topic; of the old one everything after offset {offset - 1} is skipped"
    if position > offset:
        return f"{goes_on}; skips {position - offset:,} events, offsets {offset} to {position - 1}"
    return f"{goes_on}; skips nothing, reads {offset - position:,} events again"


def progress(cursor: Cursor, stream: str = STREAM) -> int:
    """Return a number that grows with each event taken."""
    cursor.execute("select coalesce(sum(next_offset), 0) from ops.stream_offsets where stream = %s", (stream,))
    return int((cursor.fetchone() or (0,))[0])


def stored_offsets(cursor: Cursor, stream: str = STREAM) -> dict[Place, tuple[str, int]]:
    """Return the topic id and next offset of each partition."""
    cursor.execute(
        "select topic, partition, topic_id::text, next_offset from ops.stream_offsets where stream = %s", (stream,)
    )
    return {(topic, partition): (topic_id, offset) for topic, partition, topic_id, offset in cursor.fetchall()}
