"""Kafka: its address, its clients, and single messages."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError as ClientError

from storeline.errors import StorelineError
from storeline.settings import Settings

CLIENT = "storeline"
MOST_SILENT_SECONDS = 30
# The client logs each attempt to connect; real failures are raised.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class KafkaError(StorelineError):
    """Kafka cannot be used as asked; the message is one line that says where and why."""


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


class Tail:
    """Reads a partition's messages as they come, from an offset on. As a context manager it closes its connections."""

    def __init__(self, settings: Settings, topic: str, partition: int, first: int) -> None:
        """Begin at offset `first`. Raises KafkaError."""
        self.settings, self.place = settings, TopicPartition(topic, partition)
        with _explained(settings):
            self.consumer = KafkaConsumer(
                bootstrap_servers=address(settings),
                client_id=CLIENT,
                auto_offset_reset="none",
                enable_auto_commit=False,
            )
            self.consumer.assign([self.place])
            self.consumer.seek(self.place, first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.consumer.close()

    def poll(self, seconds: float, most: int) -> list[Any]:
        """Return the next messages, at most `most`; none if there are none for `seconds`. Raises KafkaError."""
        with _explained(self.settings):
            found = self.consumer.poll(timeout_ms=int(seconds * 1000), max_records=most)
        return list(found.get(self.place, []))

    def waiting(self) -> int:
        """Return how many messages the last answer left in Kafka."""
        with _explained(self.settings):
            end, position = self.consumer.highwater(self.place), self.consumer.position(self.place)
        return max(0, int(end or 0) - int(position))


def moment_of(settings: Settings, topic: str, partition: int, offset: int) -> int | None:
    """Return when the event at an offset was produced, in milliseconds since 1970; None when unknown."""
    try:
        for one in messages(settings, topic, partition, offset, offset + 1):
            return int(one.timestamp)
    except (KafkaError, AssertionError):
        pass
    return None
