"""Events that could not be taken: `ops.dead_letters` in PostgreSQL is the truth, the topic `dead-letters` a copy."""

from collections.abc import Callable, Mapping
from typing import Any

import psycopg2
from kafka import KafkaProducer
from kafka.errors import KafkaError as ClientError
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from storeline.events import outcomes
from storeline.stores.kafka import KafkaError
from storeline.topics import DEAD_LETTERS

STAGE_NAME = "stage_dead"
COLUMNS = {
    "topic": "text",
    "partition": "integer",
    "offset": "bigint",
    "produced_at": "timestamptz",
    "redriven_from": "bigint",
    "event_id": "uuid",
    "error_class": "text",
    "reason": "text",
    "is_large": "boolean",
    "key": "bytea",
    "value": "bytea",
}
_DECLARED = ", ".join(f'"{name}" {declared}' for name, declared in COLUMNS.items())
STAGE = (
    f"create temporary table {STAGE_NAME} (ordinal bigint generated always as identity primary key, {_DECLARED}) "
    "on commit delete rows"
)
SENT_AT_ONCE = 100
# Of key and value; a larger one is sent alone. It takes several times its size in memory.
MOST_BYTES_AT_ONCE = 16 << 20


def forget_wrong_headers(cursor: Cursor, table: str, is_text: bool) -> None:
    """Keep only those headers of staged events that name a dead letter of the topic with the same key and value.

    Any sender can write any header, and a mirrored topic carries those of another database.
    """
    key, value = ("convert_to(s.key, 'UTF8')", "convert_to(s.value, 'UTF8')") if is_text else ("s.key", "s.value")
    cursor.execute(
        f"""update {table} as s set redriven_from = null
            where redriven_from is not null and not exists (
                select from ops.dead_letters as d
                where d.dead_letter_id = s.redriven_from and d.topic = s.topic
                    and d.key is not distinct from {key} and d.value is not distinct from {value}
            )"""  # nosec B608
    )


def fetch_large(cursor: Cursor, fetch: Callable[[str, int, int], tuple[bytes | None, bytes | None]]) -> None:
    """Fill in the bytes of events that are too large to be staged with the others, one by one."""
    cursor.execute(f'select ordinal, topic, partition, "offset" from {STAGE_NAME} where is_large')  # nosec B608
    for ordinal, *place in cursor.fetchall():
        key, value = fetch(*place)
        cursor.execute(
            f"update {STAGE_NAME} set key = %s, value = %s where ordinal = %s",  # nosec B608
            (_binary(key), _binary(value), ordinal),
        )


def _binary(content: bytes | None) -> Any:
    return None if content is None else psycopg2.Binary(content)


def at_once(condition: str) -> str:
    """Return a query for the oldest letters to send at once: their ids, limited in number and in bytes."""
    return f"""select dead_letter_id from (
        select dead_letter_id, row_number() over oldest as place, sum(bytes) over oldest as total_bytes
        from (
            select dead_letter_id, coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) as bytes
            from ops.dead_letters where {condition} order by dead_letter_id limit {SENT_AT_ONCE}
        ) as waiting
        window oldest as (order by dead_letter_id)
    ) as counted
    where place = 1 or total_bytes <= {MOST_BYTES_AT_ONCE}"""  # nosec B608


def copy_out(connection: Connection, producer: KafkaProducer) -> int:
    """Copy to Kafka what is not there yet, and commit; return how many. Raises KafkaError; they are then sent again."""
    copied = 0
    while some := _copy_some(connection, producer):
        copied += some
    return copied


def _copy_some(connection: Connection, producer: KafkaProducer) -> int:
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"""select dead_letter_id, key, value, topic, partition, "offset", error_class, reason
                from ops.dead_letters where dead_letter_id in ({at_once("copied_at is null")})
                order by dead_letter_id"""  # nosec B608
        )
        letters = cursor.fetchall()
        if not letters:
            return 0
        try:
            sent = [_send(producer, *letter) for letter in letters]
            producer.flush(timeout=60)
            for future in sent:
                future.get(timeout=60)
        except ClientError as error:
            raise KafkaError(f"dead letters were not copied to Kafka: {type(error).__name__}: {error}") from None
        cursor.execute(outcomes.MARK_COPIED, ([letter[0] for letter in letters],))
        return len(letters)


def _send(producer: KafkaProducer, number: int, key: memoryview | None, value: memoryview | None, *said: object) -> Any:
    names = ("topic", "partition", "offset", "error_class", "reason")
    headers = [("dead_letter_id", str(number).encode())]
    headers += [(name, str(text).encode()) for name, text in zip(names, said, strict=True)]
    return producer.send(DEAD_LETTERS.name, key=content(key), value=content(value), headers=headers)


def content(held: memoryview | None) -> bytes | None:
    """Return the driver's value as bytes."""
    return None if held is None else bytes(held)


def choose(cursor: Cursor, error_class: str | None, number: int | None) -> list[tuple[Any, ...]]:
    """Lock and return some of the dead letters not sent again yet: id, topic, key, value."""
    condition = """redriven_at is null and (%(class)s::text is null or error_class = %(class)s)
        and (%(id)s::bigint is null or dead_letter_id = %(id)s)"""
    cursor.execute(
        f"""select dead_letter_id, topic, key, value from ops.dead_letters
            where redriven_at is null and dead_letter_id in ({at_once(condition)})
            order by dead_letter_id for update""",  # nosec B608
        {"class": error_class, "id": number},
    )
    return cursor.fetchall()


def mark_redriven(cursor: Cursor, numbers: list[int]) -> None:
    """Record that dead letters were sent again."""
    cursor.execute(outcomes.MARK_REDRIVEN, (numbers,))


def classes(cursor: Cursor) -> Mapping[str, int]:
    """Return how many dead letters of each class were not sent again yet."""
    cursor.execute("select error_class, count(*) from ops.dead_letters where redriven_at is null group by 1 order by 1")
    return dict(cursor.fetchall())
