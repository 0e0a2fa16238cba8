"""Events as tests send them, and the stream run until there are no more."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from pyspark.sql import SparkSession

from spark_jobs import stream_events
from storeline import ledger
from storeline.events.landing import Landing
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, postgres
from storeline.topics import EVENT_TOPICS, TOPICS

NAMES = [topic.name for topic in EVENT_TOPICS]
START = datetime(2026, 11, 1, tzinfo=UTC)
ADA = "ada@events.example.com"
KNOWN = "known@events.example.com"
Ask = Callable[..., list[tuple[Any, ...]]]
Take = Callable[[], dict[str, int]]


def moment(minutes: float = 0) -> str:
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def registration(email: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "event_time": moment(),
        "schema_version": 1,
        "first_name": "Ada",
        "last_name": "Byron",
        "email": email,
        "phone": None,
        "registration_date": moment(),
        "loyalty_status": "Gold",
    } | changes


def line(number: int = 1, product: int = 1, quantity: int = 2, price: float = 9.99) -> dict[str, Any]:
    return {"line_number": number, "product_id": product, "quantity": quantity, "price_per_unit": price}


def order(email: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "event_time": moment(),
        "schema_version": 1,
        "order_id": str(uuid.uuid4()),
        "order_version": 1,
        "user_email": email,
        "order_date": moment(),
        "status": "Pending",
        "delivery_date": None,
        "lines": [line(), line(2, 2, 1, 5)],
    } | changes


@dataclass
class Sending:
    """Sends events and records the offset of each."""

    settings: Settings
    placed: list[tuple[str, int, int]] = field(default_factory=list)

    def raw(self, topic: str, key: bytes | None, value: bytes | None, **options: Any) -> Any:
        with closing(kafka.producer(self.settings)) as producer:
            place = producer.send(topic, key=key, value=value, **options).get(timeout=30)
            self.placed.append((topic, place.partition, place.offset))
            return place

    def event(self, event: dict[str, Any], **options: Any) -> Any:
        topic, key = ("orders", "order_id") if "order_id" in event else ("users-data", "email")
        return self.raw(topic, str(event[key]).encode(), json.dumps(event).encode(), **options)

    def all(self, *events: dict[str, Any]) -> None:
        with closing(kafka.producer(self.settings)) as producer:
            for event in events:
                topic, key = ("orders", "order_id") if "order_id" in event else ("users-data", "email")
                producer.send(topic, key=str(event[key]).encode(), value=json.dumps(event).encode())
            producer.flush(timeout=30)


def catch_up(settings: Settings, spark: SparkSession) -> None:
    """Take every event that is in Kafka now."""
    with closing(Landing(postgres.stream(settings), ledger.new_run_id())) as landing:
        topic_ids = stream_events.begin(settings, landing)
        stream_events.run(settings, spark, landing, topic_ids, is_bounded=True)


def make_anew(settings: Settings, *names: str) -> None:
    """Delete topics and create all declared ones."""
    with kafka.administration(settings) as client:
        client.delete_topics(list(names), raise_errors=False)
    while kafka_topics.states(settings, list(names)):
        pass
    kafka_topics.make_topics(settings)


def clear(settings: Settings) -> None:
    """Reset Kafka and the ledger as if no event was ever sent, and remove landed rows from the shop."""
    make_anew(settings, *(topic.name for topic in TOPICS))
    forget(settings)


def forget(settings: Settings) -> None:
    """Reset the ledger as if no event was ever sent, and remove landed rows from the shop."""
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """delete from ops.parked_events; delete from ops.dead_letters; delete from ops.events;
               delete from ops.stream_offsets; delete from ops.streams; delete from ops.stream_topics;
               delete from ops.sent_events;
               alter table ops.dead_letters alter column dead_letter_id restart;
               delete from source.order_details where order_id in (
                   select order_id from source.orders where web_order_id is not null);
               delete from source.orders where web_order_id is not null;
               delete from source.users where email like '%@events.example.com'"""
        )


def received(settings: Settings, topic: str) -> Iterator[Any]:
    """Yield every message of a topic."""
    state = kafka_topics.states(settings, [topic])[topic]
    with closing(KafkaConsumer(bootstrap_servers=kafka.address(settings), auto_offset_reset="earliest")) as consumer:
        for number, partition in state.partitions.items():
            consumer.assign([TopicPartition(topic, number)])
            consumer.seek_to_beginning()
            left = partition.latest - partition.earliest
            while left > 0:
                for records in consumer.poll(timeout_ms=1000).values():
                    left -= len(records)
                    yield from records


def accounted(settings: Settings) -> dict[str, int]:
    """Return the number of events per outcome; every offset written has exactly one."""
    states = kafka_topics.states(settings, NAMES)
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        for state in states.values():
            cursor.execute(
                """select partition, count(*), count(distinct "offset"), max("offset") + 1 from ops.events
                   where topic_id = %s group by 1""",
                (state.topic_id,),
            )
            found = {partition: tuple(numbers) for partition, *numbers in cursor.fetchall()}
            written = {number: (p.latest,) * 3 for number, p in state.partitions.items() if p.latest}
            assert found == written, state.name
        cursor.execute("select outcome, count(*) from ops.events group by 1")
        return dict(cursor.fetchall())
