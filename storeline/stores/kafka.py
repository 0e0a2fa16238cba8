"""Kafka: its address, its clients, and the state of its topics."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, OffsetSpec
from kafka.errors import KafkaError as ClientError
from kafka.errors import TopicAlreadyExistsError, for_code

from storeline.errors import StorelineError
from storeline.settings import Settings
from storeline.topics import TOPICS

CLIENT = "storeline"
MOST_SILENT_SECONDS = 30
# The client logs each attempt to connect; real failures are raised.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class KafkaError(StorelineError):
    """Kafka cannot be used as asked; the message is one line that says where and why."""


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


def address(settings: Settings) -> str:
    """Return Kafka's address."""
    return f"{settings.kafka_host}:{settings.kafka_port}"


@contextmanager
def administration(settings: Settings, wait_seconds: float = 10) -> Iterator[KafkaAdminClient]:
    """Yield a client for topics. Raises KafkaError when Kafka does not answer, or refuses a request made inside."""
    with _explained(settings):
        client = KafkaAdminClient(
            bootstrap_servers=address(settings), client_id=CLIENT, bootstrap_timeout_ms=int(wait_seconds * 1000)
        )
        try:
            yield client
        finally:
            client.close()


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (ClientError, OSError, TimeoutError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise KafkaError(f"Kafka at {address(settings)}: {said}") from None


def topic_ids(client: KafkaAdminClient, names: list[str]) -> dict[str, str]:
    """Return the ids of the topics that exist."""
    return {name: found["topic_id"] for name, found in _describe(client, names).items()}


def states(settings: Settings, names: list[str]) -> dict[str, TopicState]:
    """Return the current state of the topics that exist. Raises KafkaError."""
    with administration(settings) as client:
        found = _describe(client, names)
        partitions = [TopicPartition(name, number) for name in found for number in found[name]["partitions"]]
        first = _offsets(client, partitions, OffsetSpec.EARLIEST)
        last = _offsets(client, partitions, OffsetSpec.LATEST)
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


def _describe(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    found = {}
    for topic in client.describe_topics(names):
        if topic["error_code"] == 0:
            numbers = sorted(partition["partition_index"] for partition in topic["partitions"])
            found[topic["name"]] = {"topic_id": str(UUID(str(topic["topic_id"]))), "partitions": numbers}
        elif topic["error_code"] != UNKNOWN_TOPIC:
            raise for_code(topic["error_code"])(topic["name"])
    return found


UNKNOWN_TOPIC = 3


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


def producer(settings: Settings, **options: Any) -> KafkaProducer:
    """Return a producer that writes each message once, in order per partition, acknowledged by all in-sync replicas.

    Raises KafkaError when Kafka does not answer.
    """
    with _explained(settings):
        return KafkaProducer(
            **{
                "bootstrap_servers": address(settings),
                "client_id": CLIENT,
                "acks": "all",
                "enable_idempotence": True,
                "compression_type": "gzip",
                "linger_ms": 20,
                "batch_size": 256 << 10,
                "max_request_size": settings.kafka_change_max_bytes,
                "bootstrap_timeout_ms": 10_000,
                "allow_auto_create_topics": False,
            }
            | options
        )


def messages(settings: Settings, topic: str, partition: int, first: int, end: int) -> Iterator[Any]:
    """Yield a partition's messages from offset `first` to before `end`, as far as they exist. Raises KafkaError."""
    place = TopicPartition(topic, partition)
    with _explained(settings):
        consumer = KafkaConsumer(bootstrap_servers=address(settings), client_id=CLIENT, auto_offset_reset="none")
        try:
            consumer.assign([place])
            consumer.seek(place, first)
            end = min(end, consumer.end_offsets([place])[place])
            answered_at = time.monotonic()
            while consumer.position(place) < end:
                found = consumer.poll(timeout_ms=1000).get(place, [])
                yield from (one for one in found if one.offset < end)
                if found:
                    answered_at = time.monotonic()
                elif time.monotonic() - answered_at > MOST_SILENT_SECONDS:
                    raise TimeoutError(f"{topic}[{partition}] cannot be read")
        finally:
            consumer.close()


def moment_of(settings: Settings, topic: str, partition: int, offset: int) -> int | None:
    """Return when the event at an offset was produced, in milliseconds since 1970; None when unknown."""
    try:
        for one in messages(settings, topic, partition, offset, offset + 1):
            return int(one.timestamp)
    except (KafkaError, AssertionError):
        pass
    return None
