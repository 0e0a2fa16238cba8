"""Kafka's topics: what they are now, and how they become what `topics.py` declares."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec, OffsetTimestamp
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from storeline.settings import Settings
from storeline.stores.kafka import administration
from storeline.topics import TOPICS

UNKNOWN_TOPIC = 3  # Kafka's error code
SECONDS_BETWEEN_TRIES = 0.1


@dataclass(frozen=True)
class Partition:
    """A partition's first available offset, and the offset that its next event will get."""

    earliest: int
    latest: int


@dataclass(frozen=True)
class TopicState:
    """A topic as it is now; a recreated topic has another id."""

    name: str
    topic_id: str
    partitions: dict[int, Partition]


def topic_ids(client: KafkaAdminClient, names: list[str]) -> dict[str, str]:
    """Return the ids of the topics that exist."""
    return {name: found["topic_id"] for name, found in _describe(client, names).items()}


def states(settings: Settings, names: list[str], wait_seconds: float = 10) -> dict[str, TopicState]:
    """Return the current state of the topics that exist. Raises KafkaError when Kafka does not answer in time."""
    deadline = time.monotonic() + wait_seconds
    with administration(settings, wait_seconds) as client:
        while True:
            found = _describe(client, names)
            partitions = [TopicPartition(name, number) for name in found for number in found[name]["partitions"]]
            try:
                first = _offsets(client, partitions, OffsetSpec.EARLIEST)
                last = _offsets(client, partitions, OffsetSpec.LATEST)
                break
            except UnknownTopicOrPartitionError:
                # A topic was deleted in between.
                if time.monotonic() > deadline:
                    raise
                time.sleep(SECONDS_BETWEEN_TRIES)
    return {
        name: TopicState(
            name,
            one["topic_id"],
            {
                number: Partition(first[TopicPartition(name, number)], last[TopicPartition(name, number)])
                for number in one["partitions"]
            },
        )
        for name, one in found.items()
    }


def offset_before_end(settings: Settings, name: str, partition: int, seconds: float, wait_seconds: float = 10) -> int:
    """Return the first offset of a partition's last seconds, by the broker's time; 0 when it is empty.

    Raises KafkaError when Kafka does not answer in time.
    """
    place = TopicPartition(name, partition)
    with administration(settings, wait_seconds) as client:
        last = client.list_partition_offsets({place: OffsetSpec.MAX_TIMESTAMP})[place]
        if last.timestamp < 0:
            return _offsets(client, [place], OffsetSpec.LATEST)[place]
        return _offsets(client, [place], OffsetTimestamp(int(last.timestamp - seconds * 1000)))[place]


def _describe(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for topic in client.describe_topics(names):
        if topic["error_code"] == 0:
            numbers = sorted(partition["partition_index"] for partition in topic["partitions"])
            found[topic["name"]] = {"topic_id": str(UUID(str(topic["topic_id"]))), "partitions": numbers}
        elif topic["error_code"] != UNKNOWN_TOPIC:
            raise for_code(topic["error_code"])(topic["name"])
    return found


def _offsets(client: KafkaAdminClient, partitions: list[TopicPartition], which: Any) -> dict[TopicPartition, int]:
    found = client.list_partition_offsets(dict.fromkeys(partitions, which)) if partitions else {}
    return {partition: int(one.offset) for partition, one in found.items()}


def make_topics(settings: Settings) -> list[str]:
    """Create the topics of `topics.py`, or change existing ones to what is declared; return what was done.

    A second run changes nothing. Partitions are added but never removed, because that would lose events.
    """
    done = []
    with administration(settings, wait_seconds=60) as client:
        there = _describe(client, [topic.name for topic in TOPICS])
        for topic in TOPICS:
            partitions, options = topic.partitions(settings), topic.options(settings)
            if topic.name not in there:
                wanted = {"num_partitions": partitions, "replication_factor": -1, "configs": options}
                try:
                    client.create_topics({topic.name: wanted}, wait_for_metadata=True)
                except TopicAlreadyExistsError:
                    continue  # two starts at once
                done.append(f"{topic.name} is created, with {partitions} partitions")
                continue
            if len(there[topic.name]["partitions"]) < partitions:
                client.create_partitions({topic.name: partitions})
                done.append(f"{topic.name} has {partitions} partitions now")
            done += [f"{topic.name} has {name} {value} now" for name, value in _alter(client, topic.name, options)]
    return done


def _alter(client: KafkaAdminClient, name: str, wanted: dict[str, str]) -> list[tuple[str, str]]:
    """Set the options that differ and return them."""
    asked = ConfigResource("TOPIC", name, list(wanted))
    has = client.describe_configs([asked], config_filter="all")["topic"][name]
    differing = {option: value for option, value in wanted.items() if has[option]["value"] != value}
    if differing:
        client.alter_configs([ConfigResource("TOPIC", name, differing)])
    return list(differing.items())
