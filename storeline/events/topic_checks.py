"""Whether the stored offsets can be resumed in Kafka: topics may be deleted, recreated, or hold less than before."""

import time
from collections.abc import Mapping

from kafka import KafkaAdminClient

from storeline.errors import Refusal, StorelineError
from storeline.events import offsets
from storeline.events.lines import NAMES
from storeline.settings import Settings
from storeline.stores import kafka_topics

SECONDS_TO_A_SECOND_LOOK = 1


def hold_to_kafka(settings: Settings, stored: Mapping[offsets.Place, tuple[str, int]]) -> None:
    """Raise Refusal if the stored offsets cannot be resumed in Kafka, or KafkaError if it does not answer."""
    if found := lasting_problems(settings, stored):
        raise Refusal("; ".join(found))


def lasting_problems(settings: Settings, stored: Mapping[offsets.Place, tuple[str, int]]) -> list[str]:
    """Return why the stored offsets cannot be resumed in Kafka, seen twice: a broker that just started knows less."""
    if found := offsets.problems(NAMES, stored, kafka_topics.states(settings, NAMES)):
        time.sleep(SECONDS_TO_A_SECOND_LOOK)
        found = offsets.problems(NAMES, stored, kafka_topics.states(settings, NAMES))
    return found


def check_unchanged(client: KafkaAdminClient, topic_ids: Mapping[str, str]) -> None:
    """Raise StorelineError when what was read may not belong to the topics of the offsets."""
    now = kafka_topics.topic_ids(client, NAMES)
    if other := [name for name in NAMES if now.get(name) != topic_ids[name]]:
        raise StorelineError(f"topic {other[0]} was deleted or recreated while it was read: {offsets.OUT}")
