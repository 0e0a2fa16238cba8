"""Send dead letters to their topics again, each once; what fails again becomes a dead letter that names the first one.

Usage: python -m storeline.redrive [REASON] [ID]    (`make redrive [REASON=error class] [ID=number]`)
"""

import sys
from contextlib import closing

import psycopg2
from kafka import KafkaProducer
from kafka.errors import KafkaError as ClientError
from psycopg2.extensions import connection as Connection

from storeline import dead_letters, kafka, postgres
from storeline.settings import Settings, load
from storeline.topics import REDRIVEN_HEADER
from storeline.variables import SettingsError

MOST_DIGITS = 18  # of a bigint


def redrive(settings: Settings, error_class: str | None = None, number: int | None = None) -> int:
    """Send the chosen dead letters again, oldest first; return how many. Raises KafkaError, PostgresError.

    Each is marked in the transaction that ends after Kafka has taken it. Who is killed in between sends it again the
    next time; the stream knows it by its header and counts it once.
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
            raise kafka.KafkaError(f"Kafka took not all of them: {type(error).__name__}: {error}") from None
        dead_letters.mark_redriven(cursor, [letter[0] for letter in letters])
        return len(letters)


def main(arguments: list[str]) -> None:
    """Send again and say how many. Exits with one line when that cannot be done."""
    error_class, number = ([*arguments, "", ""])[:2]
    if number and not (number.isdecimal() and len(number) <= MOST_DIGITS):
        sys.exit(f"redrive: ID is {number!r}: expected the number of a dead letter (ops.dead_letters.dead_letter_id)")
    try:
        settings = load()
        count = redrive(settings, error_class or None, int(number) if number else None)
        with closing(postgres.stream(settings).connect()) as connection, connection.cursor() as cursor:
            left = dead_letters.classes(cursor)
    except (SettingsError, postgres.PostgresError, kafka.KafkaError) as error:
        sys.exit(f"redrive: {error}")
    except psycopg2.Error as error:
        sys.exit(f"redrive: {postgres.one_line(error)}")
    waiting = ", ".join(f"{one} {name}" for name, one in left.items())
    print(f"redrive: {count} dead letters were sent again; not sent again: {waiting or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1:])
