"""Restart the event stream with Kafka's topics as they are now, and report what that skips."""

from contextlib import closing

from storeline.events import offsets
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, postgres
from storeline.topics import EVENT_TOPICS

CHOICES = ("earliest", "latest")


def reset(settings: Settings, begin: str) -> list[str]:
    """Write new offsets and return what is skipped. Raises KafkaError, PostgresError, psycopg2.Error."""
    states = kafka_topics.states(settings, [topic.name for topic in EVENT_TOPICS])
    if missing := [topic.name for topic in EVENT_TOPICS if topic.name not in states]:
        raise kafka.KafkaError(f"topic {missing[0]} is not in Kafka: the next start of the stack creates it")
    with closing(postgres.stream(settings).connect()) as connection, connection, connection.cursor() as cursor:
        return offsets.reset(cursor, states, begin == "earliest")
