"""PostgreSQL's changes in the topic `storeline.changes`: what arrives, in which order, and what heals by itself.

The rules of the stream of changes rest on this; `docs/decisions.md` says what was found.
"""

import io
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from init_db import changes
from native.stack import Stack
from storeline.accounts import POSTGRES_CAPTURE
from storeline.health import look
from storeline.replica import slot
from storeline.replica.slot import Slot
from storeline.stores import connect, kafka, kafka_topics, postgres
from tests.integration.capturing import Capturing
from tests.integration.living import until
from tests.stacks import QUICK_KAFKA, with_free_ports

pytestmark = pytest.mark.integration
CANARY = "canary-of-the-capture"
USER = "insert into source.users (first_name, last_name, email, registration_date) values "
CATEGORY = "insert into source.product_categories (name) values "
INTERNAL_TOPICS = [f"storeline.connect.{name}" for name in ("configs", "offsets", "status")]


@pytest.fixture(scope="module")
def capturing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capturing]:
    settings = with_free_ports(POSTGRES_CAPTURE_PASSWORD=CANARY, POSTGRES_SLOT_KEEP_MIB="64", **QUICK_KAFKA)
    with Stack(tmp_path_factory.mktemp("stack"), settings, ("postgres", "kafka")) as stack:
        stack.start(("connect",))
        yield Capturing(stack)


def current(capturing: Capturing) -> Slot:
    with closing(postgres.reader(capturing.settings).connect()) as connection, connection.cursor() as cursor:
        found = slot.current(cursor)
    assert found is not None
    return found


def test_a_transaction_arrives_in_order_between_its_markers(capturing: Capturing) -> None:
    transaction = capturing.write(
        USER + "('Ann', 'One', 'ann@x', '2025-01-01 00:00:00.123456+02')",
        "savepoint one",
        USER + "('Gone', 'Two', 'gone@x', '2025-01-01Z')",
        "rollback to savepoint one",
        "savepoint two",
        CATEGORY + "('tools')",
        "release savepoint two",
        "delete from source.users where email = 'ann@x'",
        "truncate source.loyalty_points",
    )
    begin, *found, end = capturing.of(transaction)
    assert (begin.value["status"], end.value["status"]) == ("BEGIN", "END")
    assert [(one.value["op"], one.value["source"]["table"], one.order) for one in found] == [
        ("c", "users", 1),
        ("c", "product_categories", 2),
        ("d", "users", 3),
        ("t", "loyalty_points", 4),
    ]
    assert end.value["event_count"] == 4
    counts = {one["data_collection"]: one["event_count"] for one in end.value["data_collections"]}
    assert counts == {"source.users": 2, "source.product_categories": 1, "source.loyalty_points": 1}
    # Also a change made in a savepoint carries the id of the whole transaction, which a snapshot knows.
    assert {one.value["source"]["txId"] for one in found} == {transaction}
    created, _, deleted, truncated = found
    assert created.value["after"]["registration_date"] == "2024-12-31T22:00:00.123456Z"
    assert deleted.key == {"user_id": created.value["after"]["user_id"]}
    assert (truncated.key, truncated.value["before"], truncated.value["after"]) == (None, None, None)


def test_decimals_are_exact_and_a_large_text_that_did_not_change_is_a_placeholder(capturing: Capturing) -> None:
    large = "".join(chr(97 + (n * n * 31 + n * 7) % 26) for n in range(50_000))
    columns = "(name, description, category_id, price, stock_quantity, creation_date)"
    made = capturing.write(
        CATEGORY + "('large')",
        "alter table source.products alter column description set storage external",
        f"""insert into source.products {columns} select 'p', '{large}', max(category_id), 999999999999.10, 1, now()
        from source.product_categories""",
    )
    assert capturing.of(made)[-2].value["after"]["description"] == large
    assert capturing.of(made)[-2].value["after"]["price"] == "999999999999.10"

    changed = capturing.write("update source.products set price = 1.10 where name = 'p'")
    after = capturing.of(changed)[1].value["after"]
    assert (after["price"], after["description"]) == ("1.10", current(capturing).placeholder)


def test_a_changed_key_is_a_delete_and_a_create(capturing: Capturing) -> None:
    transaction = capturing.write(
        CATEGORY + "('moves')", "update source.product_categories set category_id = 100000 where name = 'moves'"
    )
    found = capturing.of(transaction)[1:-1]
    assert [one.value["op"] for one in found] == ["c", "d", "c"]
    assert found[1].key == found[0].key
    assert found[2].key == {"category_id": 100_000}


def test_a_message_that_any_role_may_write_into_the_log_stops_nothing(capturing: Capturing) -> None:
    transaction = capturing.write("select pg_logical_emit_message(true, 'anything', repeat('x', 100000))")
    assert [one.value["status"] for one in capturing.of(transaction)] == ["BEGIN", "END"]
    capturing.of(capturing.write(CATEGORY + "('after the message')"))


def test_the_log_is_released_while_only_others_write(capturing: Capturing) -> None:
    with closing(postgres.owner(capturing.settings, "postgres").connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("create table noise as select repeat('x', 1000) from generate_series(1, 5000)")
            cursor.execute("drop table noise")
            cursor.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn")
            (position,) = cursor.fetchone() or (0,)
    until(lambda: current(capturing).confirmed_position >= position, "the slot moves on")


def test_a_connector_that_differs_from_its_declaration_is_named_by_its_keys_and_declared_again(
    capturing: Capturing, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, name = capturing.settings, current(capturing).slot_id
    declared = connect.configuration(settings, name)
    assert declared
    changes.init_changes(settings)
    assert capsys.readouterr().out == ""

    connect.configure(
        settings, name, {**declared, "snapshot.mode": "initial", "column.exclude.list": "source.users.email"}
    )
    changes.init_changes(settings)
    said = capsys.readouterr().out
    assert said == f"init_db: connector {name} differed from its declaration: column.exclude.list, snapshot.mode\n"
    assert connect.configuration(settings, name) == declared
    capturing.of(capturing.write(CATEGORY + "('declared again')"))


def test_the_password_is_in_no_answer_and_in_no_topic(capturing: Capturing) -> None:
    settings, name = capturing.settings, current(capturing).slot_id
    ours = [f"/connectors/{name}{part}" for part in ("", "/config", "/status", "/tasks", "/tasks/0/status", "/offsets")]
    answers = [str(connect._once(settings, "GET", path, None)) for path in (*ours, "/", "/connectors?expand=info")]
    assert "${env:POSTGRES_CAPTURE_PASSWORD}" in answers[1]
    assert not [one for one in answers if CANARY in one]
    command = (capturing.stack.home / "connect" / "connect.properties").read_text()
    assert CANARY not in command
    log = (capturing.stack.home / "logs" / "connect.log").read_text()
    assert CANARY not in log
    assert kafka_topics.states(settings, INTERNAL_TOPICS).keys() == set(INTERNAL_TOPICS)
    stored = [
        bytes(one.value or b"")
        for topic, state in kafka_topics.states(settings, INTERNAL_TOPICS).items()
        for number, partition in state.partitions.items()
        for one in kafka.messages(settings, topic, number, partition.earliest, partition.latest)
    ]
    assert stored
    assert not [one for one in stored if CANARY.encode() in one]


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 from source.users",
        "select 1 from ops.events",
        "insert into source.product_categories (name) values ('x')",
        "create table source.mine (one int)",
        "create publication mine for table source.users",
        "alter publication storeline set (publish = 'insert')",
    ],
)
def test_the_capturing_role_may_read_the_log_and_no_table(capturing: Capturing, statement: str) -> None:
    login = postgres.login(capturing.settings, POSTGRES_CAPTURE)
    with (
        closing(login.connect()) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)


@pytest.mark.faults
@pytest.mark.slow(reason="Connect is killed twice, and each time Kafka takes six seconds to notice")
def test_after_a_kill_in_the_middle_of_a_copy_every_change_of_every_transaction_is_there(capturing: Capturing) -> None:
    rows, since = 12_000, capturing.latest()
    wanted = {}
    with closing(postgres.owner(capturing.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_current_xact_id()::text::bigint")
        (large,) = cursor.fetchone() or (0,)
        # Rows of one COPY share their position in the log.
        lines = io.StringIO("".join(f"copied {n}\n" for n in range(rows)))
        cursor.copy_expert("copy source.product_categories (name) from stdin", lines)
        connection.commit()
    wanted[large] = rows
    for share in (0.3, 0.6):
        until(lambda share=share: capturing.latest() - since > share * rows, "a part has arrived")
        time.sleep(0.5)
        os.kill(capturing.process(), signal.SIGKILL)
        # A restart may fall on any change, also on the first one of a transaction.
        wanted |= {capturing.write(CATEGORY + "('small'), ('small')"): 2 for _ in range(20)}
    last = capturing.write(CATEGORY + "('last')")
    capturing.of(last, since)
    found = list(capturing.messages(since))
    ends = {one.transaction: one.value["event_count"] for one in found if one.value.get("status") == "END"}
    orders: dict[int, set[int]] = {}
    for one in found:
        if "op" in one.value:
            orders.setdefault(one.transaction, set()).add(one.order)
    assert {transaction: ends[transaction] for transaction in wanted} == wanted
    assert {transaction: len(orders[transaction]) for transaction in wanted} == wanted
    assert max(orders[large]) == rows


def test_what_changes_before_the_connector_runs_is_captured(capturing: Capturing) -> None:
    settings, old = capturing.settings, current(capturing)
    with closing(postgres.owner(settings).connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            connect.delete(settings, old.slot_id)
            until(lambda: not current(capturing).is_active, "the connector has ended")
            cursor.execute("select pg_drop_replication_slot(%s)", (old.slot_id,))
            made = changes.keep_or_make(cursor, settings)
            transaction = capturing.write(CATEGORY + "('early')")
            changes.register(settings, made)
    assert [one.value["op"] for one in capturing.of(transaction)[1:-1]] == ["c"]


@pytest.mark.faults
@pytest.mark.parametrize("is_made_again", [False, True])
def test_a_slot_that_was_dropped_is_replaced_by_another_one_that_a_copy_does_not_know(
    capturing: Capturing, is_made_again: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, old = capturing.settings, current(capturing)
    capturing.of(capturing.write(CATEGORY + "('before')"))
    capturing.stack.stop(("connect",))
    with closing(postgres.owner(settings).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("select pg_drop_replication_slot(%s)", (old.slot_id,))
        capturing.write(CATEGORY + "('lost')")
        if is_made_again:
            cursor.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (old.slot_id,))
        else:
            assert "any more, so changes are lost" in (slot.loss(current(capturing)) or "")
    capturing.stack.start(("connect",))

    assert current(capturing).slot_id != old.slot_id
    assert ("was recreated" if is_made_again else "has no replication slot") in capsys.readouterr().out
    assert connect.connectors(settings) == [current(capturing).slot_id]
    capturing.of(capturing.write(CATEGORY + "('again')"))


@pytest.mark.faults
def test_a_slot_that_keeps_too_much_log_is_told_then_lost_then_replaced(capturing: Capturing) -> None:
    settings, old = capturing.settings, current(capturing)
    assert not [line for line in look(settings).hands if old.slot_id in line]
    capturing.stack.stop(("connect",))
    with closing(postgres.owner(settings).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("create table public.noise (text text)")

        def is_told() -> bool:
            cursor.execute("insert into public.noise select repeat('x', 1000) from generate_series(1, 5000)")
            return any("MiB more (POSTGRES_SLOT_KEEP_MIB)" in line for line in look(settings).hands)

        until(is_told, "it is close to its limit")
        assert slot.loss(current(capturing)) is None
        cursor.execute("insert into public.noise select repeat('x', 1000) from generate_series(1, 50000)")
        cursor.execute("select pg_switch_wal()")
        cursor.execute("checkpoint")
    lost = f"PostgreSQL has given up the replication slot {old.slot_id} (wal_removed), so changes are lost"
    assert [line for line in look(settings).hands if line.startswith(lost)]
    capturing.stack.start(("connect",))
    assert current(capturing).slot_id != old.slot_id
    capturing.of(capturing.write(CATEGORY + "('after the loss')"))
