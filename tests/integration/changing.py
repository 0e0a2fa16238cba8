"""The stream of changes in tests: a slot that a copy sees, and messages that the tests make themselves."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from storeline import ledger
from storeline.changes.applying import Applying
from storeline.changes.messages import Message
from storeline.changes.position import Position
from storeline.generation import REPLICA
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from storeline.stores.kafka_topics import Partition, TopicState
from storeline.topics import CHANGES
from tests.changes import PLACEHOLDER, Row

TOPIC_ID = "00000000-0000-4000-8000-000000000001"
RETIRE = "update ops.slots set retired_at = clock_timestamp(), retired_because = 'a test' where retired_at is null"
MAKE_SLOT = "insert into ops.slots (slot_id, placeholder) values (%s, %s)"


def make_slot(settings: Settings, name: str) -> None:
    """Make the slot that the tests' messages are said to come from."""
    with closing(postgres.owner(settings).connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            drop_slots(cursor)
            cursor.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
            cursor.execute(MAKE_SLOT, (name, PLACEHOLDER))


def drop_slots(cursor: Any) -> None:
    """Drop every slot of the database, and record that there is none."""
    cursor.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
    cursor.execute(RETIRE)


def forget_position(settings: Settings) -> None:
    """Reset the stream as if it had never run."""
    with closing(mysql.admin(settings).connect()) as connection:
        mysql.do(connection, "delete from ops.stream_positions")


def topic(_: Position, earliest: int = 0, latest: int = 1 << 40, topic_id: str = TOPIC_ID) -> TopicState:
    """Return a topic in which any position can be resumed."""
    return TopicState(CHANGES.name, topic_id, {0: Partition(earliest, latest)})


@contextmanager
def applying(settings: Settings, **state: Any) -> Iterator[Applying]:
    """Yield a session that has begun."""
    with (
        closing(postgres.reader(settings).connect()) as source,
        closing(Applying(mysql.replicator(settings), source, ledger.new_run_id())) as one,
    ):
        one.begin(lambda where: topic(where, **state))
        yield one


def take(one: Applying, values: Iterable[bytes | None]) -> None:
    """Apply messages that follow those before, as one batch."""
    one.take([Message(offset, value) for offset, value in enumerate(values, one.read_to)])


def replica(settings: Settings, table: str, columns: Sequence[str], where: str = "true") -> list[tuple[Any, ...]]:
    """Return what readers see of a table of the replica, in the order of its first column."""
    names = ", ".join(map(mysql.quote, columns))
    with closing(mysql.analyst(settings).connect()) as connection:
        return mysql.ask(connection, f"select {names} from {REPLICA.published_name(table)} where {where} order by 1")


def user(key: int, **columns: Any) -> Row:
    """Return a user's row as Debezium writes it."""
    return {
        "user_id": key,
        "first_name": "Ada",
        "last_name": "Byron",
        "email": f"user{key}@changes.example.com",
        "phone": None,
        "registration_date": "2026-11-22T10:00:00.123400Z",
        "loyalty_status": "Gold",
        "updated_at": "2026-11-22T10:00:00.000000Z",
    } | columns


def review(key: int, **columns: Any) -> Row:
    """Return a review's row as Debezium writes it; its text may be long."""
    return {
        "review_id": key,
        "user_id": 1,
        "product_id": 1,
        "rating": 5,
        "review_text": "fine",
        "created_at": "2026-11-22T10:00:00Z",
        "updated_at": "2026-11-22T10:00:00Z",
    } | columns
