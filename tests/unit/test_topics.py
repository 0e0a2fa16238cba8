"""What the declarations of topics and events guarantee, and where they must agree with other places."""

import re

import pytest

from generators import people
from storeline.events import dead_letters, offsets
from storeline.events.lines import NAMES
from storeline.events.staging import staged_columns, staging
from storeline.settings import ROOT, load
from storeline.stores.kafka_topics import Partition, TopicState
from storeline.topics import (
    DEAD_LETTERS,
    EVENT_TOPICS,
    LOYALTY_STATUSES,
    ORDER,
    STATUSES,
    TOPICS,
    Event,
    Field,
    Kind,
)

SQL = (ROOT / "init_db" / "postgres" / "10_source.sql").read_text()


def test_the_topics_are_these_with_stated_sizes():
    settings = load(environment={})
    found = {t.name: (t.partitions(settings), t.options(settings)["max.message.bytes"]) for t in TOPICS}
    assert found == {
        "orders": (3, "12582912"),
        "users-data": (3, "12582912"),
        "storeline.changes": (1, "67108864"),
        "storeline.heartbeats": (1, "1048576"),
        "dead-letters": (1, "67108864"),
    }
    assert DEAD_LETTERS.options(settings)["retention.ms"] == str(720 * 3_600_000)


@pytest.mark.parametrize(
    ("choices", "constraint"),
    [(STATUSES, "orders_status_is_known"), (LOYALTY_STATUSES, "users_loyalty_status_is_known")],
)
def test_closed_sets_are_those_of_the_tables(choices, constraint):
    (declared,) = re.findall(rf"{constraint}\s+check \(\w+ in \(([^)]*)\)", SQL)
    assert set(re.findall(r"'(\w+)'", declared)) == set(choices)
    if choices == LOYALTY_STATUSES:
        assert choices == people.LEVELS


def test_a_key_must_be_a_field_and_a_field_has_one_name():
    with pytest.raises(ValueError, match="the key missing is not a field"):
        Event("missing", (Field("a", Kind.TEXT),), "land_a")
    with pytest.raises(ValueError, match="named twice"):
        Event("a", (Field("a", Kind.TEXT), Field("a", Kind.UUID)), "land_a")


def test_every_event_is_staged_whole():
    for topic in EVENT_TOPICS:
        assert topic.event
        columns = list(staged_columns(topic.event))
        assert columns[:5] == list(dead_letters.COLUMNS)[:5]
        assert columns[-2:] == ["key", "value"]
        assert {field.name for field in topic.event.all_fields} < set(columns)
    assert "lines" in staged_columns(ORDER)
    assert all("on commit delete rows" in statement for statement in staging())


ID, OTHER = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"


def state(earliest: int = 0, latest: int = 10, topic_id: str = ID) -> dict[str, TopicState]:
    return {name: TopicState(name, topic_id, {0: Partition(earliest, latest)}) for name in NAMES}


@pytest.mark.parametrize(
    ("stored", "now", "said"),
    [
        (5, state(), None),
        (10, state(), None),
        (5, state(earliest=5), None),
        (5, {}, "topic orders is not in Kafka"),
        (5, state(topic_id=OTHER), f"topic orders was recreated (its id was {ID}, now it is {OTHER})"),
        (5, state(earliest=8), "offsets 5 to 7 of orders[0] were never read and are no longer in Kafka"),
        (11, state(), "orders[0] ends at offset 10, but the stored offset is 11"),
    ],
)
def test_offsets_that_do_not_lead_on_are_one_line_with_a_way_out(stored, now, said):
    found = offsets.problems(["orders"], {("orders", 0): (ID, stored)}, now)
    if said is None:
        assert found == []
    else:
        (line,) = found
        assert line.startswith(said)
        assert "storeline reset-stream earliest" in line
