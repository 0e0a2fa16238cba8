"""How far behind the event stream is: for each topic its events, their outcomes, what waits and for how long."""

import time
from contextlib import closing
from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor

from storeline.events import offsets
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, postgres
from storeline.stores.kafka_topics import TopicState
from storeline.topics import EVENT_TOPICS

OUTCOMES = ("landed", "duplicate", "superseded", "parked", "dead")
RATE_SECONDS = 60


@dataclass(frozen=True)
class Lag:
    """A topic: `written` counts all offsets assigned, `lag` those that wait for their outcome.

    What a reset skipped has no outcome and does not wait for one.

    `seconds` is the age of the oldest waiting event, None when nothing waits or its age is unknown; `rate` is the mean
    of the last minute, in events per second.
    """

    topic: str
    written: int
    outcomes: dict[str, int]
    lag: int
    seconds: float | None
    rate: float


def lags(settings: Settings) -> list[Lag]:
    """Return the lag of each topic. Raises KafkaError, PostgresError, psycopg2.Error."""
    states = kafka_topics.states(settings, [topic.name for topic in EVENT_TOPICS])
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        stored = offsets.stored_offsets(cursor)
        return [_lag(settings, cursor, state, stored) for state in states.values()]


def _lag(settings: Settings, cursor: Cursor, state: TopicState, stored: dict[tuple[str, int], tuple[str, int]]) -> Lag:
    positions = {
        number: stored[state.name, number][1]
        for number in state.partitions
        if stored.get((state.name, number), ("",))[0] == state.topic_id
    }
    again = _read_again(cursor, state.topic_id)
    lag = {
        number: partition.latest - positions.get(number, 0) - again.get(number, (0, 0))[0]
        for number, partition in state.partitions.items()
    }
    waiting = {
        number: max(positions.get(number, 0), again.get(number, (0, 0))[1], state.partitions[number].earliest)
        for number, events in lag.items()
        if events
    }
    moments = [kafka.moment_of(settings, state.name, number, offset) for number, offset in waiting.items()]
    known = [moment for moment in moments if moment is not None]
    return Lag(
        state.name,
        sum(partition.latest for partition in state.partitions.values()),
        _outcomes(cursor, state.topic_id),
        sum(lag.values()),
        max(0.0, time.time() - min(known) / 1000) if known else None,
        _rate(cursor, state.topic_id),
    )


def _read_again(cursor: Cursor, topic_id: str) -> dict[int, tuple[int, int]]:
    """Return for each partition how many events to reread already have an outcome, and the offset after the last."""
    cursor.execute(
        """select e.partition, count(*), max(e."offset") + 1
           from ops.stream_offsets as o
           join ops.events as e
               on e.topic_id = o.topic_id and e.partition = o.partition and e."offset" >= o.next_offset
           where o.stream = %s and o.topic_id = %s group by 1""",
        (offsets.STREAM, topic_id),
    )
    return {partition: (events, end) for partition, events, end in cursor.fetchall()}


def _outcomes(cursor: Cursor, topic_id: str) -> dict[str, int]:
    cursor.execute("select outcome, count(*) from ops.events where topic_id = %s group by 1", (topic_id,))
    found = dict(cursor.fetchall())
    return {outcome: found.get(outcome, 0) for outcome in OUTCOMES}


def _rate(cursor: Cursor, topic_id: str) -> float:
    cursor.execute(
        """select count(*) / %(seconds)s::float from ops.events
           where topic_id = %(topic)s and decided_at > now() - make_interval(secs => %(seconds)s)""",
        {"topic": topic_id, "seconds": RATE_SECONDS},
    )
    return float((cursor.fetchone() or (0,))[0])
