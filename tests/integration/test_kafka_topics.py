"""What Kafka's topics are, also when they change while they are looked at."""

from typing import Any

import pytest

from native.stack import Stack
from storeline.stores import kafka, kafka_topics

pytestmark = pytest.mark.integration
NAME = "here-and-gone"


def test_a_topic_that_is_deleted_while_it_is_looked_at_is_not_there(
    broker: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kafka.administration(broker.settings) as client:
        client.create_topics({NAME: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True)
    offsets = kafka_topics._offsets

    def delete_then_ask(client: Any, *rest: Any) -> Any:
        client.delete_topics([NAME], raise_errors=False)
        return offsets(client, *rest)

    monkeypatch.setattr(kafka_topics, "_offsets", delete_then_ask)
    assert kafka_topics.states(broker.settings, [NAME]) == {}
