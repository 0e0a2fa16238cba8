"""Orders and registrations through Kafka into the shop, each event with exactly one outcome."""

import shutil
import threading
import time
import uuid
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest
from kafka import TopicPartition
from pyspark.sql import SparkSession

from spark_jobs import stream_events
from spark_jobs.event_stream import Stream
from spark_jobs.failure import FAILURES
from storeline import ledger
from storeline.errors import StorelineError
from storeline.events import redrive, reset_stream
from storeline.events.lag import lags
from storeline.events.landing import Landing
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, postgres
from storeline.stores.postgres import PostgresError
from storeline.topics import REDRIVEN_HEADER
from tests.integration.events import (
    ADA,
    KNOWN,
    Ask,
    Sending,
    Take,
    accounted,
    catch_up,
    line,
    make_anew,
    moment,
    order,
    registration,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]


def dead(ask_source: Ask) -> list[tuple[Any, ...]]:
    return ask_source("select error_class, reason from ops.dead_letters order by dead_letter_id")


def contents(ask_source: Ask) -> list[Any]:
    """Return every row that the stream writes, with the transaction that wrote it."""
    return [
        ask_source(f"select xmin::text, t.* from {table} as t order by 2, 3, 4")
        for table in ("source.users", "source.orders", "source.order_details", "ops.events", "ops.dead_letters")
    ]


def test_a_registration_and_its_order_land_as_they_were_sent(sending: Sending, take: Take, ask_source: Ask) -> None:
    name = "O'Brien\t\"\\N\\.\r\n😀 ñ; drop table users"
    bought = order(ADA, lines=[line(2, 7, 3, 0.1), line(1, 5, 1, 1234.5)])
    sending.all(registration(ADA, first_name=name, phone="+1-202-555-0101"))
    sending.all(bought, {**bought, "event_id": str(uuid.uuid4()), "order_version": 2, "status": "Paid"})
    assert take() == {"landed": 3}
    users = ask_source("select first_name, phone, registration_date::text from source.users where email = %s", (ADA,))
    assert users == [(name, "+1-202-555-0101", "2026-11-01 00:00:00+00")]
    orders = ask_source(
        """select web_order_version, status, total_amount::text, delivery_date from source.orders join source.users
           using (user_id) where web_order_id = %s and email = %s""",
        (bought["order_id"], ADA),
    )
    assert orders == [(2, "Paid", "1234.80", None)]
    lines = ask_source(
        """select line_number, product_id, quantity, price_per_unit::text, total_price::text
           from source.order_details join source.orders using (order_id) where web_order_id = %s order by 1""",
        (bought["order_id"],),
    )
    assert lines == [(1, 5, 1, "1234.50", "1234.50"), (2, 7, 3, "0.10", "0.30")]


@pytest.mark.slow(reason="112 MB, more than the driver takes at once, pass through Kafka, Spark and PostgreSQL")
def test_a_batch_too_large_for_the_driver_lands_in_parts(sending: Sending, take: Take, ask_source: Ask) -> None:
    large = [order(KNOWN, note="x" * 200_000) for _ in range(560)]
    sending.all(*large)
    sending.all(order(KNOWN), registration(ADA))
    assert take() == {"landed": 562}
    ((transactions,),) = ask_source("select count(distinct xmin::text) from ops.events")
    assert 2 < transactions < 10


def test_what_comes_twice_late_or_out_of_order_changes_nothing(sending: Sending, take: Take, ask_source: Ask) -> None:
    first = order(KNOWN)
    second = {**first, "event_id": str(uuid.uuid4()), "order_version": 2, "status": "Paid"}
    third = {**second, "event_id": str(uuid.uuid4()), "order_version": 3, "status": "Aborted"}
    newer = registration(ADA, registration_date=moment(10), first_name="Newer")
    older = registration(ADA, registration_date=moment(5), first_name="Older")
    sending.all(third, first, second, third, newer, older, newer)
    assert take() == {"landed": 2, "superseded": 3, "duplicate": 2}
    before = contents(ask_source)
    sending.all(third, second, older)
    assert take() == {"landed": 2, "superseded": 3, "duplicate": 5}
    assert contents(ask_source)[:3] == before[:3]
    assert ask_source("select first_name from source.users where email = %s", (ADA,)) == [("Newer",)]
    assert ask_source("select status from source.orders where web_order_id = %s", (first["order_id"],)) == [
        ("Aborted",)
    ]


def test_an_order_waits_for_its_user_and_its_product(sending: Sending, take: Take, ask_source: Ask) -> None:
    missing = ask_source("select max(product_id) + 1 from source.products")[0][0]
    early, without_product = order(ADA), order(KNOWN, lines=[line(1, missing)])
    sending.all(early, without_product)
    assert take() == {"parked": 2}
    reasons = {reason for (reason,) in ask_source("select reason from ops.parked_events")}
    assert reasons == {f"no user has the e-mail {ADA}", f"no product has the id {missing}"}
    sending.all(registration(ADA), early)
    assert take() == {"parked": 1, "landed": 2, "duplicate": 1}
    assert ask_source("select count(*) from source.orders where web_order_id = %s", (early["order_id"],)) == [(1,)]


def test_what_waited_too_long_is_dead_and_lands_when_it_is_sent_again(
    sending: Sending, spark: SparkSession, ask_source: Ask, settings: Settings
) -> None:
    sending.all(order(ADA))
    catch_up(Settings({**settings.values, "STREAM_PARKED_SECONDS": "0"}), spark)
    catch_up(Settings({**settings.values, "STREAM_PARKED_SECONDS": "0"}), spark)
    assert accounted(settings) == {"dead": 1}
    assert dead(ask_source) == [("never_arrived", f"waited 0 s: no user has the e-mail {ADA}")]
    sending.all(registration(ADA))
    assert redrive.redrive(settings) == 1
    assert redrive.redrive(settings) == 0
    catch_up(settings, spark)
    assert accounted(settings) == {"dead": 1, "landed": 2}


def test_a_dead_letter_that_fails_again_keeps_its_history_and_counts_once(
    sending: Sending, take: Take, ask_source: Ask, settings: Settings
) -> None:
    sending.raw("orders", b"k", b"{")
    sending.raw("users-data", b"k", b"[")
    take()
    assert redrive.redrive(settings, error_class="another") == 0
    assert redrive.redrive(settings, number=1) == 1
    # A process that sends it again may be killed before that is recorded.
    sending.raw("orders", b"k", b"{", headers=[(REDRIVEN_HEADER, b"1")])
    assert take() == {"dead": 3, "duplicate": 1}
    history = ask_source(
        "select dead_letter_id, redriven_from, redriven_at is not null from ops.dead_letters order by 1"
    )
    assert (history[0], history[-1][1:]) == ((1, None, True), (1, False))
    assert redrive.redrive(settings) == 2


def test_an_order_never_changes_its_lines(sending: Sending, take: Take, ask_source: Ask) -> None:
    first = order(KNOWN)
    changed = {**first, "event_id": str(uuid.uuid4()), "order_version": 2, "lines": [line(quantity=3)]}
    same = {**first, "event_id": str(uuid.uuid4()), "order_version": 3, "lines": list(reversed(first["lines"]))}
    sending.all(first, changed, same)
    assert take() == {"landed": 2, "dead": 1}
    assert dead(ask_source) == [("lines_changed", "the order's lines are not those that it had before")]


def test_what_the_database_refuses_keeps_nobody_out(sending: Sending, take: Take, ask_source: Ask) -> None:
    ask_source("alter table source.users add constraint no_bob check (first_name <> 'Bob')")
    try:
        people = [registration(f"{n}@events.example.com", first_name="Bob" if n == 5 else "Eve") for n in range(9)]
        sending.all(*people)
        assert take() == {"landed": 8, "dead": 1}
    finally:
        ask_source("alter table source.users drop constraint no_bob")
    ((error_class, reason),) = dead(ask_source)
    assert error_class == "refused"
    assert reason.startswith("PostgreSQL refused it: new row for relation")
    assert "no_bob" in reason


def test_a_replay_from_zero_changes_no_row(sending: Sending, take: Take, ask_source: Ask, settings: Settings) -> None:
    first = order(KNOWN)
    sending.all(registration(ADA), first, first, order(ADA), order("nobody@events.example.com"))
    sending.raw("orders", b"k", b"{")
    outcomes = take()
    before = contents(ask_source)
    said = reset_stream.reset(settings, "earliest")
    assert all("skips nothing, reads" in one for one in said)
    assert take() == outcomes
    assert contents(ask_source) == before
    # The same events in a recreated topic are the same events.
    make_anew(settings, "users-data")
    sending.all(registration(ADA, event_id=str(uuid.uuid4())))
    reset_stream.reset(settings, "earliest")
    take()
    assert contents(ask_source)[0] == before[0]


def test_a_topic_that_was_made_anew_stops_the_stream_until_it_is_reset(
    sending: Sending, take: Take, settings: Settings
) -> None:
    sending.all(registration(ADA), order(KNOWN))
    take()
    make_anew(settings, "orders")
    sending.all(*(order(KNOWN) for _ in range(3)))
    with pytest.raises(StorelineError, match=r"topic orders was recreated .*storeline reset-stream earliest"):
        take()
    said = reset_stream.reset(settings, "earliest")
    assert sum("of the old one everything after offset" in one for one in said) == 3
    assert take()["landed"] == 5


def test_offsets_that_retention_took_stop_the_stream_until_it_is_reset(
    sending: Sending, spark: SparkSession, take: Take, settings: Settings
) -> None:
    sending.all(registration(ADA))
    take()
    orders = [order(KNOWN) for _ in range(30)]
    sending.all(*orders)
    with kafka.administration(settings) as client:
        client.delete_records({TopicPartition("orders", 0): 2})
    with pytest.raises(
        StorelineError, match=r"offsets 0 to 1 of orders\[0\] were never read and are no longer in Kafka"
    ):
        catch_up(settings, spark)
    said = reset_stream.reset(settings, "earliest")
    assert any(one.startswith("orders[0]: continues with offset 2; skips 2 events, offsets 0 to 1") for one in said)
    catch_up(settings, spark)


def test_a_topic_that_is_missing_is_named(sending: Sending, take: Take, settings: Settings) -> None:
    with kafka.administration(settings) as client:
        client.delete_topics(["orders"])
    while kafka_topics.states(settings, ["orders"]):
        pass
    with pytest.raises(StorelineError, match="topic orders is not in Kafka"):
        take()


def test_a_partition_that_is_added_is_read_from_its_beginning(sending: Sending, take: Take, settings: Settings) -> None:
    sending.all(order(KNOWN))
    take()
    with kafka.administration(settings) as client:
        client.create_partitions({"orders": 5})
    sending.all(*(order(KNOWN) for _ in range(20)))
    assert take() == {"landed": 21}
    assert len(kafka_topics.states(settings, ["orders"])["orders"].partitions) == 5


def test_a_checkpoint_folder_that_is_lost_costs_no_event(
    sending: Sending, settings: Settings, spark: SparkSession, take: Take, ask_source: Ask
) -> None:
    sending.all(order(KNOWN))
    with closing(Landing(postgres.stream(settings), ledger.new_run_id())) as landing, ExitStack() as stack:
        topic_ids = stream_events.begin(settings, landing)
        stream = Stream(settings, spark, landing, topic_ids, stack)
        running = threading.Thread(target=run_to_its_end, args=(stream,))
        running.start()
        while ask_source("select count(*) from ops.events") == [(0,)]:
            time.sleep(0.1)
        shutil.rmtree(stream.checkpoints)
        sending.all(*(order(KNOWN) for _ in range(3)))
        running.join(60)
    assert not running.is_alive()
    assert take() == {"landed": 4}


def run_to_its_end(stream: Stream) -> None:
    with suppress(*FAILURES):
        stream.run(is_bounded=False, ends_at=time.monotonic() + 10)


def test_lag_says_what_waits_since_when_and_what_became_of_the_rest(
    sending: Sending, settings: Settings, take: Take
) -> None:
    sending.all(registration(ADA), order(KNOWN))
    sending.raw("orders", b"k", b"{")
    time.sleep(1)
    waiting = {one.topic: one for one in lags(settings)}
    assert [(one.written, one.lag) for one in (waiting["orders"], waiting["users-data"])] == [(2, 2), (1, 1)]
    assert all(1 <= one.seconds < 60 for one in waiting.values())

    take()
    taken = {one.topic: one for one in lags(settings)}
    assert [(one.written, one.lag, one.seconds) for one in taken.values()] == [(2, 0, None), (1, 0, None)]
    assert {outcome: count for outcome, count in taken["orders"].outcomes.items() if count} == {"landed": 1, "dead": 1}
    assert taken["users-data"].rate == pytest.approx(1 / 60)

    # Events read again already have their outcome.
    reset_stream.reset(settings, "earliest")
    assert [(one.lag, one.seconds) for one in lags(settings)] == [(0, None), (0, None)]


def test_the_run_that_began_last_is_the_only_one_that_writes(
    sending: Sending, settings: Settings, spark: SparkSession
) -> None:
    with closing(Landing(postgres.stream(settings), ledger.new_run_id())) as zombie:
        topic_ids = stream_events.begin(settings, zombie)
        sending.all(order(KNOWN))
        catch_up(settings, spark)
        # The successor has ended its session.
        with pytest.raises(PostgresError, match="the connection is lost"):
            stream_events.run(settings, spark, zombie, topic_ids, is_bounded=True)
    with (
        closing(Landing(postgres.stream(settings), zombie.run_id)) as awake,
        pytest.raises(StorelineError, match="another run of the stream has started"),
    ):
        stream_events.begin(settings, awake, is_again=True)
    assert accounted(settings) == {"landed": 1}
