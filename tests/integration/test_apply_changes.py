"""Changes into the replica: whole transactions, exactly those that the copy does not hold, each once."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs import replicate
from storeline.changes import copied_tables, lock
from storeline.changes.applying import Applying, MovedError
from storeline.changes.messages import CopyNeededError
from storeline.errors import StorelineError
from storeline.replica import bases, capture
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, postgres
from tests.changes import PLACEHOLDER, One, change, marker, transaction
from tests.integration.changing import applying, drop_slots, forget_position, make_slot, replica, review, take, user
from tests.integration.events import Ask
from tests.integration.jobs import copy_here

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]

FIRST = 1_000_000  # a key that the generated shop does not reach
OURS = f"user_id >= {FIRST}"


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    """Return the settings of a stack whose Kafka does not answer: these tests make the topic's messages themselves."""
    return Settings({**settings.values, "KAFKA_PORT": "1"})


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a copy not wait for that Kafka."""
    monkeypatch.setattr(capture, "WAIT_SECONDS", 0.05)


@pytest.fixture(scope="module")
def slot(settings: Settings, shop: None) -> Iterator[None]:
    """Make a slot that is there before any copy."""
    make_slot(settings, "slot_of_the_tests")
    yield
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        drop_slots(cursor)


@pytest.fixture(scope="module")
def base(settings: Settings, spark: SparkSession, slot: None) -> None:
    """Copy the shop, once for all tests that change only rows of their own."""
    copy_here(settings, spark)


@pytest.fixture
def copied(settings: Settings, base: None, ask_target: Ask) -> Iterator[None]:
    """Have the replica as a copy left it, and what that copy saw; the stream begins behind it."""
    forget_position(settings)
    ((run_id, *seen),) = ask_target("select distinct run_id, slot_id, topic_id, next_offset from ops.bases")
    yield
    for table, key in (("users", "user_id"), ("orders", "order_id"), ("reviews", "review_id")):
        ask_target(f"delete from replica.{table} where {key} >= {FIRST}")
    ask_target("update ops.bases set slot_id = %s, topic_id = %s, next_offset = %s where run_id = %s", (*seen, run_id))
    forget_position(settings)


@pytest.fixture
def stream(settings: Settings, copied: None) -> Iterator[Applying]:
    """Return a session that continues from a copy."""
    with applying(settings) as one:
        yield one


@pytest.fixture
def later(ask_source: Ask) -> Callable[[], int]:
    """Return a function that gives a transaction that no copy has seen."""
    return lambda: int(ask_source("select pg_current_xact_id()::text")[0][0])


Later = Callable[[], int]


def test_values_arrive_as_the_copy_would_bring_them(stream: Applying, settings: Settings, later: Later) -> None:
    text = "O'Brien\t\"\\N\\.\r\n\v\f\x1a 😀 ñ; NULL, `x`"
    rows: list[One] = [("c", "users", None, user(FIRST, first_name=text, last_name="NULL", phone="\\N"))]
    rows.append(
        (
            "c",
            "orders",
            None,
            {
                "order_id": FIRST,
                "user_id": FIRST,
                "order_date": "2026-11-22T10:00:00Z",
                "total_amount": "999999999999.90",
                "status": "Pending",
                "delivery_date": None,
                "web_order_id": "0a1b2c3d-0000-4000-8000-00000000000f",
                "web_order_version": 2147483647,
                "updated_at": "2026-11-22T10:00:00.000001Z",
            },
        )
    )
    take(stream, transaction(later(), rows))
    found = replica(settings, "users", ["first_name", "last_name", "phone", "registration_date"], OURS)
    assert [tuple(map(str, one)) for one in found] == [(text, "NULL", "\\N", "2026-11-22 10:00:00.123400")]
    columns = ["order_id", "total_amount", "web_order_id", "web_order_version", "delivery_date", "updated_at"]
    assert [tuple(map(str, one)) for one in replica(settings, "orders", columns, f"order_id = {FIRST}")] == [
        (
            str(FIRST),
            "999999999999.90",
            "0a1b2c3d-0000-4000-8000-00000000000f",
            "2147483647",
            "None",
            "2026-11-22 10:00:00.000001",
        )
    ]


def test_a_reader_sees_whole_transactions_only(stream: Applying, settings: Settings, later: Later) -> None:
    first, second = later(), later()
    values = transaction(second, [("c", "users", None, user(FIRST + n)) for n in range(3)])
    take(stream, [*transaction(first, [("c", "users", None, user(FIRST + 10))]), *values[:3]])
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST + 10,)]
    assert stream.position.next_offset == 3
    take(stream, values[3:])
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST + n,) for n in (0, 1, 2, 10)]
    assert stream.position.next_offset == 8


def test_two_users_exchange_their_unique_e_mails(stream: Applying, settings: Settings, later: Later) -> None:
    take(stream, transaction(later(), [("c", "users", None, user(FIRST + n, email=f"{n}@x")) for n in (0, 1)]))
    swap: list[One] = [
        ("u", "users", None, user(FIRST, email="swap@x")),
        ("u", "users", None, user(FIRST + 1, email="0@x")),
        ("u", "users", None, user(FIRST, email="1@x")),
    ]
    take(stream, transaction(later(), swap))
    assert replica(settings, "users", ["user_id", "email"], OURS) == [(FIRST, "1@x"), (FIRST + 1, "0@x")]


def test_an_untouched_text_stays_also_when_the_key_changes(stream: Applying, settings: Settings, later: Later) -> None:
    long = "x\"\\\n'😀" * 5000
    take(stream, transaction(later(), [("c", "reviews", None, review(FIRST, review_text=long))]))
    take(stream, transaction(later(), [("u", "reviews", None, review(FIRST, review_text=PLACEHOLDER, rating=1))]))
    columns, where = ["review_id", "rating", "review_text"], f"review_id >= {FIRST}"
    assert replica(settings, "reviews", columns, where) == [(FIRST, 1, long)]
    moved: list[One] = [
        ("d", "reviews", {"review_id": FIRST}, None),
        ("c", "reviews", None, review(FIRST + 1, review_text=PLACEHOLDER, rating=2)),
    ]
    take(stream, transaction(later(), moved))
    assert replica(settings, "reviews", columns, where) == [(FIRST + 1, 2, long)]


def test_a_text_of_20_megabytes_arrives(stream: Applying, settings: Settings, later: Later) -> None:
    take(stream, transaction(later(), [("c", "reviews", None, review(FIRST, review_text="ñ" * (10 << 20)))]))
    with closing(mysql.analyst(settings).connect()) as connection:
        query = f"select length(review_text) from replica.reviews where review_id = {FIRST}"
        assert mysql.ask(connection, query) == [(20 << 20,)]


def test_a_table_that_is_emptied_is_empty(stream: Applying, settings: Settings, later: Later) -> None:
    rows: list[One] = [("t", "reviews", None, None), ("c", "reviews", None, review(FIRST))]
    take(stream, transaction(later(), rows))
    assert replica(settings, "reviews", ["review_id"]) == [(FIRST,)]


def test_what_comes_again_changes_nothing(stream: Applying, settings: Settings, later: Later) -> None:
    one = transaction(later(), [("c", "users", None, user(FIRST))])
    two = transaction(later(), [("d", "users", user(FIRST), None)])
    take(stream, [*one, *two])
    take(stream, [*one, *two[:2]])
    take(stream, two[2:])
    assert replica(settings, "users", ["user_id"], OURS) == []
    assert stream.position.next_offset == 12


def test_a_transaction_begun_before_the_snapshot_and_committed_after_it_arrives(
    settings: Settings, spark: SparkSession, slot: None, source: Any, ask_target: Ask
) -> None:
    forget_position(settings)
    with closing(postgres.owner(settings).connect()) as early, early.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text")
        number = int((cursor.fetchone() or ("0",))[0])
        cursor.execute("update source.users set phone = 'open' where user_id = 1")
        before = int(ask_xact(source))
        copy_here(settings, spark)
        early.rollback()
    # The later one is committed before the snapshot, so the copy holds it; the earlier one is not.
    assert number < before
    values = [
        *transaction(before, [("u", "users", None, user(1, phone="held"))], position=100),
        *transaction(number, [("u", "users", None, user(1, phone="arrives"))], position=2000),
    ]
    with applying(settings) as one:
        take(one, values[:3])
        assert replica(settings, "users", ["phone"], "user_id = 1") != [("held",)]
        take(one, values[3:])
    assert replica(settings, "users", ["phone"], "user_id = 1") == [("arrives",)]


def ask_xact(source: Any) -> str:
    with source.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text")
        return str(cursor.fetchone()[0])


def test_a_transaction_larger_than_memory_is_seen_when_it_has_ended(
    stream: Applying, settings: Settings, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied_tables, "MOST_OPEN_BYTES", 20_000)
    values = transaction(later(), [("c", "users", None, user(FIRST + n)) for n in range(1000)])
    for first in range(0, len(values) - 1, 100):
        take(stream, values[first : min(first + 100, len(values) - 1)])
        assert replica(settings, "users", ["user_id"], OURS) == []
    assert 900 < stream.written <= 1000
    open_ = stream.transactions.open
    assert open_ is not None
    assert len(open_.changes) < 100
    with closing(mysql.replicator(settings).connect()) as other, pytest.raises(mysql.MysqlError):
        mysql_locks.hold(other, bases.LOCK, 0)
    take(stream, values[-1:])
    assert len(replica(settings, "users", ["user_id"], OURS)) == 1000
    assert stream.applied == 1000
    with closing(mysql.replicator(settings).connect()) as other:
        mysql_locks.hold(other, bases.LOCK, 0)


@pytest.mark.parametrize("is_interrupted", [False, True], ids=["repeat", "sent again"])
def test_a_large_transaction_that_comes_again_is_undone(
    stream: Applying, settings: Settings, later: Later, monkeypatch: pytest.MonkeyPatch, is_interrupted: bool
) -> None:
    monkeypatch.setattr(copied_tables, "MOST_OPEN_BYTES", 2000)
    small = transaction(later(), [("c", "users", None, user(FIRST + 500))])
    large = transaction(later(), [("c", "users", None, user(FIRST + n)) for n in range(100)])
    gone = transaction(later(), [("d", "users", user(FIRST), None)])
    if is_interrupted:
        take(stream, [*small, *large[:50], *small, *large, *gone])
    else:
        take(stream, [*small, *large, *gone, *small, *large, *gone])
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST + n,) for n in (*range(1, 100), 500)]


def test_a_copy_waits_for_a_batch_and_the_stream_for_a_copy(
    stream: Applying,
    settings: Settings,
    later: Later,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lock, "SECONDS_BETWEEN_WORDS", 0)
    values = transaction(later(), [("c", "users", None, user(FIRST))])
    with closing(mysql.replicator(settings).connect()) as copy:
        mysql_locks.hold(copy, bases.LOCK, 0)
        waiting = threading.Thread(target=take, args=(stream, values))
        waiting.start()
        time.sleep(1.5)
        assert stream.lock.is_waiting
        assert replica(settings, "users", ["user_id"], OURS) == []
    waiting.join(10)
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST,)]
    assert "stream_changes: waiting for connection" in capsys.readouterr().out


def test_after_a_copy_the_stream_goes_on_from_it(
    stream: Applying, settings: Settings, spark: SparkSession, later: Later
) -> None:
    held = transaction(later(), [("c", "users", None, user(FIRST))])
    take(stream, held)
    copy_here(settings, spark)
    with pytest.raises(MovedError):
        take(stream, transaction(later(), [("c", "users", None, user(FIRST + 1))]))
    stream.close()
    # The copy did not hold what only the test's messages said.
    assert replica(settings, "users", ["user_id"], OURS) == []
    with applying(settings) as one:
        assert one.position.next_offset == 3
        take(one, [*held, *transaction(later(), [("c", "users", None, user(FIRST + 2))])])
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST + 2,)]


def test_a_copy_that_cannot_catch_up_with_the_stream_leaves_the_replica(
    stream: Applying, settings: Settings, spark: SparkSession, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_staging = replicate.finish_staging

    def finish(copy: replicate.Copy, *others: Any) -> None:
        finish_staging(copy, *others)
        take(stream, transaction(later(), [("c", "users", None, user(FIRST))]))

    monkeypatch.setattr(replicate, "finish_staging", finish)
    with pytest.raises(StorelineError, match=r"went on during the copy.*the replica is unchanged"):
        copy_here(settings, spark)
    take(stream, transaction(later(), [("c", "users", None, user(FIRST + 1))]))
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST,), (FIRST + 1,)]


def test_a_stream_that_has_lost_the_lock_or_its_turn_writes_nothing(
    stream: Applying, settings: Settings, later: Later
) -> None:
    values = transaction(later(), [("c", "users", None, user(FIRST))])
    with applying(settings), pytest.raises(StorelineError, match="another run of the stream has started"):
        take(stream, values)
    stream.close()
    with applying(settings) as one:
        assert one.position.next_offset == 0
        take(one, values)
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST,)]


def test_a_successor_ends_the_session_before(stream: Applying, settings: Settings) -> None:
    with applying(settings) as one:
        assert one.end_predecessors() == [stream.run_id]


def test_a_broken_message_stops_the_stream_behind_what_was_whole(
    stream: Applying, settings: Settings, later: Later
) -> None:
    good = transaction(later(), [("c", "users", None, user(FIRST))])
    with pytest.raises(CopyNeededError, match=r"^storeline.changes\[0\] offset 3 is not a change"):
        take(stream, [*good, b"}{"])
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST,)]


def test_a_value_that_mysql_would_change_is_refused(stream: Applying, settings: Settings, later: Later) -> None:
    one: One = ("c", "users", None, user(FIRST, registration_date="2026-02-30T00:00:00Z"))
    with pytest.raises(CopyNeededError, match="users: MySQL did not take the changes unchanged"):
        take(stream, transaction(later(), [one]))
    stream.close()
    assert replica(settings, "users", ["user_id"], OURS) == []


def test_a_change_of_a_row_that_the_replica_lacks_is_refused(stream: Applying, later: Later) -> None:
    one: One = ("u", "reviews", None, review(FIRST, review_text=PLACEHOLDER))
    with pytest.raises(CopyNeededError, match=f"reviews: a change of the row \\({FIRST}\\), which the replica lacks"):
        take(stream, transaction(later(), [one]))


def test_a_slot_that_was_recreated_needs_a_copy(
    stream: Applying, settings: Settings, spark: SparkSession, later: Later
) -> None:
    make_slot(settings, f"another_{later()}")
    with pytest.raises(CopyNeededError, match="slot_of_the_tests, but changes come from another_"):
        take(stream, transaction(later(), [("c", "users", None, user(FIRST))]))
    stream.close()
    with pytest.raises(CopyNeededError, match="slot_of_the_tests"), applying(settings):
        pass
    copy_here(settings, spark)
    with applying(settings) as one:
        take(one, transaction(later(), [("c", "users", None, user(FIRST))]))
    assert replica(settings, "users", ["user_id"], OURS) == [(FIRST,)]


def test_a_copy_that_saw_no_slot_is_not_gone_on_from(settings: Settings, copied: None, ask_target: Ask) -> None:
    ask_target("update ops.bases set slot_id = null")
    with pytest.raises(CopyNeededError, match="saw no replication slot"), applying(settings):
        pass


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"earliest": 5}, r"offsets 0 to 4 of storeline.changes\[0\] were never applied"),
        ({"topic_id": "00000000-0000-4000-8000-00000000000f"}, "was recreated"),
    ],
    ids=["expired", "recreated"],
)
def test_a_topic_that_does_not_lead_on_needs_a_copy(
    settings: Settings, copied: None, ask_target: Ask, state: dict[str, Any], said: str
) -> None:
    topic_id = "00000000-0000-4000-8000-000000000001"
    ask_target("update ops.bases set topic_id = %s, next_offset = 0", (topic_id,))
    with pytest.raises(CopyNeededError, match=said), applying(settings, **state):
        pass
    # A copy that saw more of it heals that.
    new = {"topic_id": state.get("topic_id", topic_id), "next_offset": 7}
    ask_target("update ops.bases set topic_id = %s, next_offset = %s", tuple(new.values()))
    with applying(settings, **state) as one:
        assert one.position.next_offset == 7


@pytest.mark.parametrize(
    ("ddl", "undo", "said"),
    [
        ("add column nickname text", "drop column nickname", "source.reviews.nickname was added after the copy"),
        ("drop column rating", None, "source.reviews.rating was dropped after the copy"),
        ("alter column rating type bigint", None, "source.reviews.rating was changed after the copy"),
    ],
    ids=["added", "dropped", "retyped"],
)
def test_a_changed_column_needs_a_copy(
    settings: Settings, copied: None, ask_source: Ask, spark: SparkSession, ddl: str, undo: str | None, said: str
) -> None:
    ask_source("create table source.kept_reviews as table source.reviews")
    try:
        ask_source(f"alter table source.reviews {ddl}")
        with pytest.raises(CopyNeededError, match=said), applying(settings):
            pass
        copy_here(settings, spark)
        with applying(settings):
            pass
    finally:
        ask_source(f"alter table source.reviews {undo}" if undo else "select 1")
        ask_source(
            """alter table source.reviews drop column if exists rating;
               alter table source.reviews add column rating integer;
               update source.reviews as r set rating = k.rating from source.kept_reviews as k
               where k.review_id = r.review_id;
               alter table source.reviews alter column rating set not null,
                   add constraint reviews_rating_is_one_to_five check (rating between 1 and 5);
               drop table source.kept_reviews"""
        )
        copy_here(settings, spark)


def test_a_commit_is_dated(stream: Applying, later: Later, ask_target: Ask) -> None:
    number = later()
    rows = [change(number, 1, ("c", "users", None, user(FIRST)), 30_000_000)]
    take(stream, [*rows, marker("END", number, 31_000_000, 1, at=1_795_000_000_123)])
    ((committed_at, last_end),) = ask_target("select committed_at, last_end from ops.stream_positions")
    assert (str(committed_at), last_end) == ("2026-11-18 11:06:40.123000", 31_000_000)


def test_what_moves_the_position_but_applies_nothing_leaves_the_moment_of_the_last_transaction(
    stream: Applying, later: Later, ask_target: Ask
) -> None:
    moment = "select updated_at from ops.stream_positions"
    number = later()
    take(stream, [marker("END", number, 31_000_000, 0, at=1_795_000_000_123)])
    seen = ask_target(moment)
    stream.store(replace(stream.position, next_offset=stream.position.next_offset + 1))
    assert ask_target(moment) == seen
    stream.store(replace(stream.position, committed_at=datetime(2026, 11, 18, 12)))
    assert ask_target(moment) > seen
