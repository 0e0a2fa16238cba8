"""How a batch of judged events becomes rows of the shop: staged by COPY, decided and written by a few statements.

One transaction holds the rows, the outcomes and the offsets, and begins with the fence of `offsets.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from storeline.events import dead_letters, judge_orders, land_orders, offsets, outcomes
from storeline.events.isolation import DependentError, isolate
from storeline.events.offsets import STREAM, Positions
from storeline.events.staging import copy_all, stage, staging, tables
from storeline.stores.postgres import Login
from storeline.topics import EVENTS, ORDERS, Topic

# The statements that land a topic's staged events, ordinals `first` to before `end`.
LANDINGS: dict[Topic, tuple[str, ...]] = {
    topic: import_module(f"storeline.events.{EVENTS[topic].landing}").LAND
    for topic in sorted(EVENTS, key=lambda topic: EVENTS[topic].turn)
}
WORK_MEMORY = "64MB"  # a batch is sorted in memory
MOST_RETRIED = 20_000
MOST_DEBRIS = 256  # rows that were tried and rolled back; more are slow to skip
Fetch = Callable[[str, int, int], tuple[bytes | None, bytes | None]]  # topic, partition, offset -> key, value


class Landing:
    """The session of a run that may write; one transaction at a time."""

    def __init__(self, login: Login, run_id: str) -> None:
        """Open the session. Raises PostgresError."""
        self.connection: Connection = login.connect(synchronous_commit="on", work_mem=WORK_MEMORY)
        self.run_id = run_id
        self.positions: Positions = {}
        with self.connection, self.connection.cursor() as cursor:
            for statement in staging():
                cursor.execute(statement)

    def close(self) -> None:
        """End the session; uncommitted work is rolled back."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Yield a cursor in the stream's transaction. Raises StorelineError when this run may no longer write."""
        with self.connection, self.connection.cursor() as cursor:
            offsets.fence(cursor, self.run_id, self.positions)
            # A custom constraint deferred to the commit could not be attributed to an event.
            cursor.execute("set constraints all immediate")
            yield cursor

    def land(self, lines: Mapping[str, Sequence[str]], topic_ids: Mapping[str, str], fetch: Fetch) -> None:
        """Land a batch.

        `lines` are COPY's lines for each topic, and for dead letters. Raises StorelineError and psycopg2.Error; nothing
        has changed then.
        """
        with self.transaction() as cursor:
            copy_all(cursor, lines)
            ends = self._ends(cursor, topic_ids)
            if self._is_replay(cursor):
                forget_replayed(cursor)
            for topic in LANDINGS:
                dead_letters.forget_wrong_headers(cursor, stage(topic), is_text=True)
                land_staged(cursor, topic)
            dead_letters.fetch_large(cursor, fetch)
            dead_letters.forget_wrong_headers(cursor, dead_letters.STAGE_NAME, is_text=False)
            cursor.execute(outcomes.LAND_DEAD, {"stream": STREAM})
            offsets.advance(cursor, ends)
        self.positions = self.positions | ends

    def retry(self, parked_seconds: int, caught_up_seconds: float) -> bool:
        """Land parked events whose user and products have arrived, and return whether any were parked.

        The others become dead letters once the stream was caught up for more than `parked_seconds` while they waited;
        since the last call it was caught up for `caught_up_seconds`.
        """
        with self.transaction() as cursor:
            cursor.execute("select from ops.parked_events limit 1")
            if cursor.fetchone() is None:
                return False
            offsets.add_caught_up(cursor, caught_up_seconds)
            cursor.execute(land_orders.STAGE_PARKED, {"most": MOST_RETRIED})
            land_staged(cursor, ORDERS)
            expire(cursor, parked_seconds)
        return True

    def _ends(self, cursor: Cursor, topic_ids: Mapping[str, str]) -> Positions:
        """Return the offsets after the staged ones; a new partition gets its row."""
        staged = " union all ".join(f'select topic, partition, "offset" from {table}' for table in tables())
        cursor.execute(f'select topic, partition, max("offset") + 1 from ({staged}) as s group by 1, 2')  # nosec B608
        ends: Positions = {(topic, partition): int(end) for topic, partition, end in cursor.fetchall()}
        for place in sorted(ends.keys() - self.positions):
            offsets.add_partition(cursor, place, topic_ids[place[0]], 0)
        return ends

    def _is_replay(self, cursor: Cursor) -> bool:
        """Tell whether any staged offset already has its outcome, with one ledger lookup per partition."""
        staged = " union all ".join(f'select topic, partition, "offset" from {table}' for table in tables())
        query = f"""select exists (
            select from (
                select topic, partition, min("offset") as low, max("offset") as high from ({staged}) as s group by 1, 2
            ) as b
            join ops.stream_offsets as o on o.stream = %s and o.topic = b.topic and o.partition = b.partition
            join lateral (
                select from ops.events as e
                where e.topic_id = o.topic_id and e.partition = b.partition and e."offset" between b.low and b.high
                limit 1
            ) as e on true)"""  # nosec B608
        cursor.execute(query, (STREAM,))
        return bool((cursor.fetchone() or (False,))[0])


def forget_replayed(cursor: Cursor) -> None:
    """Remove from staging the events that already have their outcome, which they keep."""
    for table in tables():
        cursor.execute(
            f"""delete from {table} as s using ops.events as e, ops.stream_offsets as o
                where o.stream = %s and o.topic = s.topic and o.partition = s.partition
                    and e.topic_id = o.topic_id and e.partition = s.partition and e."offset" = s."offset" """,  # nosec B608
            (STREAM,),
        )


def land_staged(cursor: Cursor, topic: Topic) -> None:
    """Land a topic's staged events.

    An event that the database itself refuses (a custom constraint) becomes a dead letter and does not block others.
    """
    debris = 0

    def take(first: int, end: int) -> None:
        for statement in LANDINGS[topic]:
            cursor.execute(statement, {"stream": STREAM, "first": first, "end": end})
            if statement == judge_orders.IS_DEPENDENT and cursor.fetchall() == [(True,)]:
                raise DependentError

    def tidy(rows: int) -> None:
        nonlocal debris
        debris += rows
        if debris >= MOST_DEBRIS:
            cursor.execute("truncate judged_orders")
            debris = 0

    cursor.execute(f"select coalesce(min(ordinal), 0), coalesce(max(ordinal) + 1, 0) from {stage(topic)}")  # nosec B608
    bounds = cursor.fetchone() or (0, 0)

    def refuse(ordinal: int, reason: str) -> None:
        said = {"stream": STREAM, "ordinal": ordinal, "reason": f"PostgreSQL refused it: {reason}"}
        cursor.execute(outcomes.refuse(stage(topic)), said)

    isolate(cursor, topic.name, (bounds[0], bounds[1]), take, refuse, tidy)


def expire(cursor: Cursor, parked_seconds: int) -> None:
    """Make dead letters of the orders that waited too long and still cannot land."""
    cursor.execute(land_orders.EXPIRED, {"stream": STREAM, "seconds": parked_seconds, "most": MOST_RETRIED})
    places = cursor.fetchall()

    def take(first: int, end: int) -> None:
        topic_ids, partitions, offsets = map(list, zip(*places[first:end], strict=True))
        where = {"topic_ids": topic_ids, "partitions": partitions, "offsets": offsets}
        cursor.execute(land_orders.EXPIRE, {"seconds": parked_seconds, **where})

    def keep(at: int, reason: str) -> None:
        print(f"stream_events: an order that waited too long stays parked, {places[at]}: {reason}", flush=True)

    isolate(cursor, "ops.parked_events", (0, len(places)), take, keep)
