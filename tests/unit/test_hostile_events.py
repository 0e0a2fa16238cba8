"""Whatever bytes arrive, each message becomes one line that COPY can read."""

import dataclasses
import decimal
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeline.events import dead_letters, lines
from storeline.events.lines import Message, line_of
from storeline.events.rules import is_money
from storeline.events.staging import staged_columns
from storeline.topics import DEAD, EVENT_TOPICS, ORDER, Rule
from tests.hostile import FRAGMENTS, as_text, mutated
from tests.integration.events import KNOWN, line, order
from tests.seeds import examples

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(3600)]
WIDTHS = {topic.name: len(staged_columns(topic.event)) for topic in EVENT_TOPICS if topic.event}
WIDTHS[DEAD] = len(dead_letters.COLUMNS)
PLACE = "\t0\t7\t2026-01-31 12:00:00\t\\N"


def judged(topic: str, key: bytes | None, value: bytes | None, place: str = PLACE) -> tuple[str, list[str]]:
    """Return the table that a message's line is for, and its columns."""
    kind, text = line_of(Message(topic + place, key, value, None))
    columns = text.split("\t")
    assert len(columns) == WIDTHS[kind]
    assert not {"\n", "\r", "\0"} & set(text)
    text.encode()
    return kind, columns


@examples(500)
@given(st.sampled_from(["orders", "users-data"]), st.none() | st.binary(), st.none() | st.binary())
def test_any_bytes_are_a_dead_letter_of_a_known_class(topic, key, value):
    kind, columns = judged(topic, key, value)
    assert kind == DEAD
    assert columns[6] in {"invalid_utf8", "bad_json", "tombstone", "unknown_version"}


@examples(400)
@given(mutated())
def test_a_good_event_that_was_changed_is_taken_or_is_a_dead_letter_of_a_known_class(message):
    kind, columns = judged(*message)
    assert kind != DEAD or columns[6] != "unforeseen", columns[7]


@pytest.mark.parametrize("text", FRAGMENTS, ids=lambda text: text[:30])
@pytest.mark.parametrize("name", ["event_id", "schema_version", "order_version", "lines", "another"])
def test_whatever_stands_in_a_field_the_judge_foresaw_it(name, text):
    event = order(KNOWN)
    kind, columns = judged("orders", event["order_id"].encode(), as_text(event, {name: text}).encode())
    assert kind != DEAD or columns[6] != "unforeseen"
    assert kind == DEAD or name == "another" or text in {"1", event.get(name)}


@pytest.mark.parametrize("size", ["1e99999999999999999999", "-1e99999999999999999999", "1e-99999999999999999999"])
def test_thirty_bytes_with_a_number_out_of_all_bounds_are_a_dead_letter(size):
    kind, columns = judged("orders", b"k", f'{{"a":{size}}}'.encode())
    assert (kind, columns[6]) == (DEAD, "bad_json")
    assert columns[7].startswith("a number is out of range: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("0", "5", "0.1", "9.99", "1e2", "1.50000", "999999999999.99", "0e-999999999")),
        *((text, False) for text in ("-1", "-0.01", "1e12", "0.001", "9.999", "1e-999999999", "1e999999999")),
        ("1.0000000000000000000000000000000000001", False),
        ("999999999999.9899999999999999999999999999", False),
        ("0." + "9" * 400, False),
    ],
)
def test_an_amount_is_looked_at_digit_by_digit(text, expected):
    assert is_money(decimal.Decimal(text)) is expected


@pytest.mark.parametrize("raised", [RecursionError("deep"), MemoryError(), OverflowError("a\ud800\n\0b"), KeyError(5)])
def test_what_the_rules_did_not_foresee_is_a_dead_letter_that_names_it(monkeypatch, raised):
    def fail(_: object) -> bool:
        raise raised

    broken = dataclasses.replace(ORDER, rules=(Rule(fail, "never said"),))
    monkeypatch.setitem(lines.EVENTS, "orders", broken)
    event = order(KNOWN)
    kind, columns = judged("orders", event["order_id"].encode(), json.dumps(event).encode())
    assert (kind, columns[5], columns[6]) == (DEAD, event["event_id"], "unforeseen")
    assert columns[7].startswith(type(raised).__name__)


@pytest.mark.parametrize("milliseconds", ["-62135596800001", "253402300800000", "-9223372036854775808", ""])
def test_a_time_that_postgres_does_not_take_is_a_dead_letter_that_says_it(milliseconds):
    event = order(KNOWN, lines=[line()])
    message = event["order_id"].encode(), json.dumps(event).encode()
    kind, columns = judged("orders", *message, f"\t0\t7\t!{milliseconds}\t5")
    assert (kind, columns[3:5], columns[6]) == (DEAD, ["1970-01-01 00:00:00", "5"], "bad_time")
    assert columns[7].startswith(f"Kafka's time of the message is {milliseconds} ms: ")
