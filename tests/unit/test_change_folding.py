"""What a batch of changes comes to: the same tables as if each was applied alone, however they are batched."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeline.changes.folding import Folding, Key, TableChanges
from storeline.changes.messages import Change, CopyNeededError, read
from storeline.changes.transactions import Open
from storeline.replica.source import Index, SourceColumn, SourceTable
from storeline.replica.types import contract
from tests.changes import PLACEHOLDER, One, Row, messages, transaction
from tests.seeds import examples

USERS = SourceTable(
    "source",
    "users",
    (
        SourceColumn("user_id", False, contract("bigint")),
        SourceColumn("email", False, contract("character varying(255)")),
        SourceColumn("story", True, contract("text")),
    ),
    ("user_id",),
    (Index("users_email", True, ("email",)),),
    0,
)
Texts = dict[str, str]


def row(key: int, email: str = "a@b", story: str | None = "once") -> Row:
    return {"user_id": key, "email": email, "story": story}


def folded(*transactions: list[One]) -> TableChanges:
    folding = Folding([USERS], PLACEHOLDER)
    folding.add(changes(*transactions))
    return folding.changed["users"]


def changes(*transactions: list[One]) -> Iterator[Change]:
    values = [one for number, rows in enumerate(transactions, 1) for one in transaction(number, rows)]
    for message in messages(values):
        if isinstance(said := read(message), Change):
            yield said


def texts(one: Row) -> Texts:
    return {
        column.name: "NULL" if one[column.name] is None else column.type.received(one[column.name])
        for column in USERS.columns
    }


def test_of_many_changes_of_a_row_the_last_remains() -> None:
    updates = [("u", "users", None, row(1, story=str(n))) for n in range(1000)]
    found = folded([("c", "users", None, row(1))], *([one] for one in updates))
    assert {key: one and one.texts for key, one in found.rows.items()} == {("1",): texts(row(1, story="999"))}


def test_an_untouched_text_stays_what_an_earlier_change_said() -> None:
    found = folded([("u", "users", None, row(1, story="long"))], [("u", "users", None, row(1, "c@d", PLACEHOLDER))])
    (one,) = found.rows.values()
    assert one is not None
    assert (one.texts, one.origin) == (texts(row(1, "c@d", "long")), None)


def test_an_untouched_text_stays_what_the_replica_has() -> None:
    found = folded([("u", "users", None, row(1, "c@d", PLACEHOLDER))])
    (one,) = found.rows.values()
    assert one is not None
    assert (one.texts, one.origin) == ({"user_id": "1", "email": '"c@d"'}, ("1",))


def test_an_untouched_text_moves_with_its_key() -> None:
    moved: list[One] = [("d", "users", row(1), None), ("c", "users", None, row(2, "c@d", PLACEHOLDER))]
    found = folded(moved)
    assert found.rows[("1",)] is None
    assert found.rows[("2",)] is not None
    assert found.rows[("2",)].origin == ("1",)


def test_a_table_that_was_emptied_has_what_came_after() -> None:
    found = folded([("c", "users", None, row(1)), ("t", "users", None, None), ("c", "users", None, row(2))])
    assert found.is_emptied
    assert list(found.rows) == [("2",)]


def test_a_change_of_something_else_is_left_alone() -> None:
    folding = Folding([USERS], PLACEHOLDER)
    (one,) = changes([("c", "users", None, row(1))])
    folding.add([one._replace(schema="ops", table="heartbeats")])
    assert folding.changed == {}


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (("c", "people", None, row(1)), "the replica has no table source.people"),
        (("c", "users", None, row(1) | {"age": 3}), "has the column age, which the replica's table lacks"),
        (("c", "users", None, {"user_id": 1, "email": "a@b"}), "has no column story, which the replica's table has"),
        (("c", "users", None, row(1) | {"email": None}), "has a value for email that the replica cannot hold"),
        (("c", "users", None, row(1) | {"email": "x" * 256}), "has a value for email that the replica cannot hold"),
        (("c", "users", None, row(1) | {"user_id": "1"}), "has a value for user_id that the replica cannot hold"),
        (("c", "users", None, row(1) | {"user_id": True}), "has a value for user_id that the replica cannot hold"),
        (("c", "users", None, row(1) | {"user_id": 1 << 63}), "has a value for user_id that the replica cannot hold"),
        (("c", "users", None, row(1) | {"user_id": PLACEHOLDER}), r"has no value for its key \(user_id\)"),
        (("c", "users", None, row(1, story=PLACEHOLDER)), "has no value for story, and there is no earlier row"),
        (("d", "users", {"email": "a@b"}, None), r"has no value for its key \(user_id\): its replica identity"),
        (("d", "users", {"user_id": None}, None), r"has no value for its key \(user_id\)"),
        (("d", "users", {"user_id": {}}, None), r"has no value for its key \(user_id\)"),
    ],
)
def test_what_the_replica_cannot_hold_is_refused_in_one_line(one: One, said: str) -> None:
    with pytest.raises(CopyNeededError, match=said) as caught:
        folded([one])
    assert str(caught.value).startswith("storeline.changes[0] offset 1: ")
    assert str(caught.value).encode()


@dataclass
class Shop:
    """A table of PostgreSQL, with unique e-mails, that says what Debezium would send of each transaction."""

    random: random.Random
    rows: dict[int, Row] = field(default_factory=dict)

    def transaction(self) -> list[One]:
        return [one for _ in range(self.random.randint(0, 6)) for one in self.step()]

    def step(self) -> list[One]:
        key, other, kind = self.random.randint(1, 6), self.random.randint(1, 6), self.random.random()
        if kind < 0.03:
            self.rows.clear()
            return [("t", "users", None, None)]
        if key not in self.rows:
            self.rows[key] = row(key, self.unused(), self.random.choice(["long", "longer", None]))
            return [("c", "users", None, dict(self.rows[key]))]
        if kind < 0.2:
            del self.rows[key]
            return [("d", "users", row(key, "", None), None)]
        if kind < 0.35 and other not in self.rows:
            moved = self.rows[other] = self.rows.pop(key) | {"user_id": other}
            return [("d", "users", row(key, "", None), None), ("c", "users", None, self.sent(moved, is_whole=False))]
        if kind < 0.5 and other in self.rows and other != key:
            one, two = self.rows[key]["email"], self.rows[other]["email"]
            return [self.update(key, email=self.unused()), self.update(other, email=one), self.update(key, email=two)]
        if kind < 0.7:
            return [self.update(key, story=self.random.choice(["new", "newer", None]))]
        return [self.update(key, email=self.unused())]

    def unused(self) -> str:
        used = {one["email"] for one in self.rows.values()}
        return self.random.choice([one for one in "abcdefghij" if one not in used])

    def update(self, key: int, **columns: Any) -> One:
        self.rows[key] = self.rows[key] | columns
        return ("u", "users", None, self.sent(self.rows[key], is_whole="story" in columns))

    def sent(self, one: Row, is_whole: bool) -> Row:
        """Return a row as it is sent: a story that is there and was not touched is left out."""
        return dict(one) if is_whole or one["story"] is None else one | {"story": PLACEHOLDER}


def apply(replica: dict[Key, Texts], found: TableChanges) -> None:
    """Do what `writing.write` does, with a REPLACE that also deletes other rows with the same e-mail."""
    new = {key: one for key, one in found.rows.items() if one is not None}
    lines = [(replica[one.origin] if one.origin else {}) | one.texts for one in new.values()]
    if found.is_emptied:
        replica.clear()
    for key in found.rows.keys() - new.keys():
        replica.pop(key, None)
    for line in lines:
        for key in [key for key, one in replica.items() if one["email"] == line["email"]]:
            del replica[key]
        replica[(line["user_id"],)] = line


@pytest.mark.fuzz
@examples(300)
@given(st.integers(0, 2**32), st.integers(1, 30), st.lists(st.integers(1, 6), min_size=1))
def test_any_batching_gives_the_tables_of_applying_one_by_one(seed: int, count: int, sizes: list[int]) -> None:
    shop = Shop(random.Random(seed))
    transactions = [shop.transaction() for _ in range(count)]
    replica: dict[Key, Texts] = {}
    first = turn = 0
    while first < count:
        batch = transactions[first : first + sizes[turn % len(sizes)]]
        if any(batch):
            apply(replica, folded(*batch))
        first, turn = first + len(batch), turn + 1
    assert replica == {(str(key),): texts(one) for key, one in shop.rows.items()}


@pytest.mark.fuzz
@examples(100)
@given(st.integers(0, 2**32), st.integers(1, 7))
def test_the_parts_of_a_large_transaction_give_the_same_tables(seed: int, size: int) -> None:
    shop = Shop(random.Random(seed))
    rows = list(changes([one for _ in range(10) for one in shop.transaction()]))
    replica: dict[Key, Texts] = {}
    large = Open(1, is_held=False)
    for first in range(0, len(rows), size):
        large.changes += rows[first : first + size]
        folding = Folding([USERS], PLACEHOLDER)
        folding.add(large.part() if first + size < len(rows) else large.changes)
        for found in folding.changed.values():
            apply(replica, found)
    assert replica == {(str(key),): texts(one) for key, one in shop.rows.items()}
