"""What a message of changes says, and that no bytes lead to anything but one line that says where they are."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeline.changes.messages import Begin, Change, CopyNeededError, End, Message, read
from tests.changes import change, marker, transaction
from tests.seeds import examples

ROW = {"user_id": 1}
GOOD: dict[str, Any] = json.loads(change(766, 1, ("c", "users", None, ROW), 25))


def test_a_transaction_is_read_as_debezium_writes_it() -> None:
    begin, first, end = (read(Message(7, one)) for one in transaction(766, [("c", "users", None, ROW)], 25))
    assert begin == Begin(7, 766)
    assert isinstance(first, Change)
    assert first._replace(size=0) == Change(7, 766, 1, "source", "users", "c", None, ROW, 0)
    assert end == End(7, 766, 1, 925, 1_790_000_000_000)


def test_a_truncate_names_its_table_alone() -> None:
    said = read(Message(0, change(766, 1, ("t", "users", None, None), 25)))
    assert isinstance(said, Change)
    assert (said.operation, said.table, said.after) == ("t", "users", None)


def test_a_message_without_a_value_says_nothing() -> None:
    assert read(Message(0, None)) is None


BROKEN = {
    "empty": b"",
    "not JSON": b"}{",
    "not UTF-8": b'{"status":"\xff"}',
    "UTF-16": '{"status":"BEGIN"}'.encode("utf-16"),
    "deep": b"[" * 100_000,
    "a number": b"1" * 5000,
    "a list": b"[1]",
    "null": b"null",
    "no operation": b"{}",
    "an unknown marker": marker("MIDDLE", 1, 2),
    "no position": b'{"status":"END","id":"766","event_count":0,"ts_ms":0}',
    "a transaction that is no number": b'{"status":"BEGIN","id":"x:1"}',
    "a transaction that is a number": b'{"status":"BEGIN","id":5}',
    "a huge transaction": b'{"status":"BEGIN","id":"' + b"9" * 5000 + b':1"}',
    "a negative count": marker("END", 1, 2, -1),
    "a count that is a truth": b'{"status":"END","id":"1:2","event_count":true,"ts_ms":0}',
    **{f"{op} without a row": json.dumps(GOOD | {"op": op, "before": None, "after": None}).encode() for op in "cud"},
    **{f"operation {op!r}": json.dumps(GOOD | {"op": op}).encode() for op in ("r", "m", "", None, 1, [], {})},
    **{f"without {name}": json.dumps(GOOD | {name: None}).encode() for name in ("source", "transaction")},
    "a table that is a list": json.dumps(GOOD | {"source": GOOD["source"] | {"table": ["users"]}}).encode(),
    "half of a character": change(1, 1, ("c", "users", None, {"email": "\ud800"}), 25),
    "half of a character in a name": change(1, 1, ("c", "users", None, {"\ud800": 1}), 25),
    "an order that is a fraction": json.dumps(GOOD | {"transaction": {"id": "1:1", "total_order": 1.5}}).encode(),
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_message_ends_in_one_line_with_its_place(value: bytes) -> None:
    with pytest.raises(CopyNeededError) as caught:
        read(Message(42, value))
    said = str(caught.value)
    assert said.startswith("storeline.changes[0] offset 42 is not a change as Debezium writes it")
    assert "run replicate_postgres_to_mysql" in said
    assert len(said) < 500
    assert said.isprintable()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(), inner),
)


@pytest.mark.fuzz
@examples(100)
@given(st.binary(max_size=60) | JSON.map(lambda found: json.dumps(found).encode()))
def test_no_bytes_do_anything_else(value: bytes) -> None:
    with suppress(CopyNeededError):
        assert read(Message(0, value)) is not None


@pytest.mark.fuzz
@examples(100)
@given(st.sampled_from(sorted(GOOD)), JSON)
def test_no_value_of_a_field_does_anything_else(name: str, other: Any) -> None:
    with suppress(CopyNeededError):
        assert isinstance(read(Message(0, json.dumps(GOOD | {name: other}).encode())), Change)
