"""How a batch of judged events becomes rows of the shop: staged by COPY, decided and written by a few statements.

One transaction holds the rows, the outcomes and the offsets, and begins with the fence of `stream_ledger.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from storeline import dead_letters, land_orders, land_users, stream_ledger
from storeline.postgres import Login, one_line
from storeline.stream_ledger import STREAM, Positions
from storeline.topics import DEAD, EVENT_TOPICS, ORDERS, USERS, Event, Kind, Topic

COMMON = ("topic", "partition", "offset", "produced_at", "redriven_from")
COMMON_TYPES = ("text", "integer", "bigint", "timestamptz", "bigint")
TYPES = {
    Kind.UUID: "uuid",
    Kind.TEXT: "text",
    Kind.MOMENT: "timestamptz",
    Kind.WHOLE: "integer",
    Kind.ID: "bigint",
    Kind.MONEY: "numeric",
}
# The statements that land a topic's staged events from ordinal `first` to before `end`. Users land before orders.
LANDINGS = {USERS: land_users.LAND, ORDERS: land_orders.LAND}
WORK_MEMORY = "64MB"  # a batch is sorted in memory
FIRST_ANALYZED = 500  # rows; fewer are read in no time, whatever the plan
MOST_RETRIED = 20_000
Fetch = Callable[[str, int, int], tuple[bytes | None, bytes | None]]  # topic, partition, offset -> key, value

if set(LANDINGS) != set(EVENT_TOPICS):
    raise ValueError("landing.py: LANDINGS and the topics with events differ")


def stage(topic: Topic) -> str:
    """Return the name of the table in which a topic's events are staged."""
    return f"stage_{topic.name.replace('-', '_')}"


def staged_columns(event: Event) -> dict[str, str]:
    """Return the columns of a staged event with their types, in the order in which COPY takes them."""
    columns = dict(zip(COMMON, COMMON_TYPES, strict=True))
    columns |= {field.name: TYPES[field.kind] for field in event.all_fields}
    if event.items:
        columns[event.items.name] = "jsonb"
    return columns | {"key": "text", "value": "text"}


def staging() -> Iterator[str]:
    """Yield the statements that make the staging tables of a session."""
    for topic in EVENT_TOPICS:
        if topic.event:
            columns = ", ".join(f'"{name}" {declared}' for name, declared in staged_columns(topic.event).items())
            identity = "ordinal bigint generated always as identity"
            yield f"create temporary table {stage(topic)} ({identity}, {columns}, topic_id uuid) on commit delete rows"
    yield land_orders.JUDGED
    yield dead_letters.STAGE


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
        """End the session; what is not committed is undone."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Give a cursor inside the stream's transaction. Raises StreamError when this run may write no more."""
        with self.connection, self.connection.cursor() as cursor:
            stream_ledger.fence(cursor, self.run_id, self.positions)
            yield cursor

    def land(self, lines: Mapping[str, Sequence[str]], topic_ids: Mapping[str, str], fetch: Fetch) -> None:
        """Land a batch.

        `lines` are COPY's lines for each topic, and for the dead. Raises StreamError, psycopg2.Error; then nothing has
        happened.
        """
        with self.transaction() as cursor:
            for topic in EVENT_TOPICS:
                if topic.event:
                    copy_in(cursor, stage(topic), staged_columns(topic.event), lines.get(topic.name, ()))
            copy_in(cursor, dead_letters.STAGE_NAME, dead_letters.COLUMNS, lines.get(DEAD, ()))
            ends = self._ends(cursor, topic_ids)
            if self._is_replay(cursor):
                forget_replayed(cursor)
            for topic in LANDINGS:
                land_range(cursor, topic)
            dead_letters.fetch_large(cursor, fetch)
            cursor.execute(dead_letters.LAND, {"stream": STREAM})
            stream_ledger.advance(cursor, ends)
        self.positions = self.positions | ends

    def retry(self, parked_seconds: int) -> None:
        """Land parked events whose user and products have come; those that waited for too long become dead letters."""
        with self.transaction() as cursor:
            cursor.execute("select from ops.parked_events limit 1")
            if cursor.fetchone() is None:
                return
            cursor.execute(land_orders.STAGE_PARKED, {"most": MOST_RETRIED})
            land_range(cursor, ORDERS)
            cursor.execute(land_orders.EXPIRE, {"seconds": parked_seconds})

    def _ends(self, cursor: Cursor, topic_ids: Mapping[str, str]) -> Positions:
        """Return the offsets after the staged ones; a partition that is new gets its row."""
        staged = " union all ".join(f'select topic, partition, "offset" from {table}' for table in tables())
        cursor.execute(f'select topic, partition, max("offset") + 1 from ({staged}) as s group by 1, 2')  # nosec B608
        ends: Positions = {(topic, partition): int(end) for topic, partition, end in cursor.fetchall()}
        for place in sorted(ends.keys() - self.positions):
            stream_ledger.add_partition(cursor, place, topic_ids[place[0]], 0)
        return ends

    def _is_replay(self, cursor: Cursor) -> bool:
        """Tell whether any staged offset has its outcome already, with one look into the ledger for each partition."""
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


def tables() -> list[str]:
    """Return the staging tables."""
    return [*(stage(topic) for topic in EVENT_TOPICS), dead_letters.STAGE_NAME]


def copy_in(cursor: Cursor, table: str, columns: Mapping[str, str], lines: Sequence[str]) -> None:
    """Stage lines; of a large batch the planner is told how many they are."""
    if lines:
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.copy_expert(f"copy {table} ({names}) from stdin", StringIO("\n".join(lines) + "\n"))
    if len(lines) >= FIRST_ANALYZED:
        cursor.execute(f"analyze {table} (ordinal)")


def forget_replayed(cursor: Cursor) -> None:
    """Take out of the staging what has its outcome already, and keeps it."""
    for table in tables():
        cursor.execute(
            f"""delete from {table} as s using ops.events as e, ops.stream_offsets as o
                where o.stream = %s and o.topic = s.topic and o.partition = s.partition
                    and e.topic_id = o.topic_id and e.partition = s.partition and e."offset" = s."offset" """,  # nosec B608
            (STREAM,),
        )


def land_range(cursor: Cursor, topic: Topic, bounds: tuple[int, int] | None = None) -> None:
    """Land a topic's staged events within bounds of their ordinals.

    What the database itself refuses (a constraint of the owner's own) is found by halving, so that one event never
    keeps the others out: it becomes a dead letter.
    """
    first, end = bounds or _bounds(cursor, topic)
    if first >= end:
        return
    cursor.execute("savepoint landing")
    try:
        for statement in LANDINGS[topic]:
            cursor.execute(statement, {"stream": STREAM, "first": first, "end": end})
        cursor.execute("release savepoint landing")
    except (psycopg2.IntegrityError, psycopg2.DataError, psycopg2.errors.RaiseException) as error:
        cursor.execute("rollback to savepoint landing")
        cursor.execute("release savepoint landing")
        if end - first == 1:
            dead_letters.refuse(cursor, stage(topic), first, one_line(error))
            return
        middle = (first + end) // 2
        land_range(cursor, topic, (first, middle))
        land_range(cursor, topic, (middle, end))


def _bounds(cursor: Cursor, topic: Topic) -> tuple[int, int]:
    cursor.execute(f"select coalesce(min(ordinal), 0), coalesce(max(ordinal) + 1, 0) from {stage(topic)}")  # nosec B608
    first, end = cursor.fetchone() or (0, 0)
    return first, end
