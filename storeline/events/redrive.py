"""Sends dead letters to their topics again, each once; one that fails again names the first one."""

from contextlib import closing

from kafka import KafkaProducer
from kafka.errors import KafkaError as ClientError
from psycopg2.extensions import connection as Connection

from storeline.events import dead_letters
from storeline.settings import Settings
from storeline.stores import kafka, postgres
from storeline.topics import REDRIVEN_HEADER


def redrive(settings: Settings, error_class: str | None = None, number: int | None = None) -> int:
    """Send the chosen dead letters again, oldest first; return how many. Raises KafkaError, PostgresError.

    Each is marked in the transaction that ends after Kafka has taken it. A process killed in between sends it again
    the next time; the stream recognizes it by its header and counts it once.
    """
    count = 0
    with (
        closing(postgres.stream(settings).connect()) as connection,
        closing(kafka.producer(settings)) as producer,
    ):
        while some := _send_some(connection, producer, error_class, number):
            count += some
    return count


def _send_some(connection: Connection, producer: KafkaProducer, error_class: str | None, number: int | None) -> int:
    with connection, connection.cursor() as cursor:
        letters = dead_letters.choose(cursor, error_class, number)
        try:
            sent = [
                producer.send(
                    topic,
                    key=dead_letters.content(key),
                    value=dead_letters.content(value),
                    headers=[(REDRIVEN_HEADER, str(one).encode())],
                )
                for one, topic, key, value in letters
            ]
            for future in sent:
                future.get(timeout=60)
        except ClientError as error:
            raise kafka.KafkaError(f"Kafka did not take all of them: {type(error).__name__}: {error}") from None
        dead_letters.mark_redriven(cursor, [letter[0] for letter in letters])
        return len(letters)
