"""Let the stream of events begin anew with Kafka's topics as they are now, and say what that skips.

Usage: python -m storeline.reset_stream earliest|latest    (`make reset-stream FROM=earliest|latest`)
"""

import sys
from contextlib import closing

import psycopg2

from storeline import kafka, postgres, stream_ledger
from storeline.settings import Settings, load
from storeline.topics import EVENT_TOPICS
from storeline.variables import SettingsError

CHOICES = ("earliest", "latest")


def reset(settings: Settings, begin: str) -> list[str]:
    """Write new offsets and return what is skipped. Raises KafkaError, PostgresError, psycopg2.Error."""
    states = kafka.states(settings, [topic.name for topic in EVENT_TOPICS])
    if missing := [topic.name for topic in EVENT_TOPICS if topic.name not in states]:
        raise kafka.KafkaError(f"topic {missing[0]} is not in Kafka: the next start of the stack makes it")
    with closing(postgres.stream(settings).connect()) as connection, connection, connection.cursor() as cursor:
        return stream_ledger.reset(cursor, states, begin == "earliest")


def main(arguments: list[str]) -> None:
    """Reset and say what that skips. Exits with one line when that cannot be done."""
    begin = (arguments or [""])[0]
    if begin not in CHOICES:
        sys.exit(f"reset-stream: FROM is {begin!r}: expected {' or '.join(CHOICES)}")
    try:
        print("\n".join(f"reset-stream: {line}" for line in reset(load(), begin)))
    except (SettingsError, kafka.KafkaError, postgres.PostgresError) as error:
        sys.exit(f"reset-stream: {error}")
    except psycopg2.Error as error:
        sys.exit(f"reset-stream: {postgres.one_line(error)}")


if __name__ == "__main__":
    main(sys.argv[1:])
