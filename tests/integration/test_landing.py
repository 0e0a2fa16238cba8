"""How a batch lands in PostgreSQL: no event blocks the others, and how it is cut changes nothing."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeline.events import landing
from storeline.events.isolation import isolate
from storeline.settings import Settings
from storeline.stores import postgres
from tests.hostile import mutated
from tests.integration.batches import Batches, Sent
from tests.integration.events import ADA, KNOWN, Ask, line, moment, order, registration
from tests.seeds import examples

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]


@pytest.fixture
def batches(settings: Settings) -> Iterator[Batches]:
    """Return a way to land batches; no events were sent before."""
    with closing(Batches(settings)) as batches:
        yield batches


def sent(event: dict[str, Any], origin: int | None = None) -> Sent:
    topic, key = ("orders", "order_id") if "order_id" in event else ("users-data", "email")
    return topic, event[key].encode(), json.dumps(event).encode(), origin


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_whatever_the_judge_lets_through_postgres_takes(settings: Settings) -> None:
    @examples(20)
    @given(st.lists(mutated(), min_size=1, max_size=15))
    def hold(messages: list[tuple[str, bytes | None, bytes]]) -> None:
        with closing(Batches(settings)) as batches:
            batches.land(*((*message, 1) for message in messages))
            batches.landing.retry(3600, 0)
            assert len(batches.outcomes()) == len(messages)
            assert [one for one in batches.letters() if one[0] in {"unforeseen", "refused"}] == []

    hold()


EMAILS = [KNOWN, ADA, "refused@events.example.com"]
EVENT_IDS = [str(uuid.UUID(int=number)) for number in range(1, 6)]
ORDER_IDS = [str(uuid.UUID(int=number)) for number in range(11, 15)]
orders = st.builds(
    lambda event_id, number, version, other, refused: order(
        EMAILS[number % 2],
        event_id=event_id,
        order_id=ORDER_IDS[number],
        order_version=version,
        status="Pending" if version < 3 else "Aborted",
        lines=[line(quantity=7 if refused else 1 + other)],
        user_email=EMAILS[number % 2],
    ),
    st.sampled_from(EVENT_IDS),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(0, 9).map(lambda drawn: drawn == 0),
)
users = st.builds(
    lambda event_id, email, minutes: registration(email, event_id=event_id, registration_date=moment(minutes)),
    st.sampled_from(EVENT_IDS),
    st.sampled_from(EMAILS),
    st.integers(0, 3),
)
cuts = st.lists(st.integers(1, 14), min_size=28, max_size=28)


def contents(batches: Batches) -> list[Any]:
    """Return the rows made from the events, and the reasons recorded for each."""
    return [
        batches.outcomes(),
        batches.ask(
            "select first_name, email, registration_date from source.users where email like '%@events%' order by 2"
        ),
        batches.ask(
            """select o.web_order_id, o.web_order_version, o.status, u.email, d.line_number, d.quantity
               from source.orders as o join source.users as u using (user_id) join source.order_details as d
               using (order_id) where o.web_order_id is not null order by 1, 5"""
        ),
        batches.ask('select topic, "offset", event_id, error_class from ops.dead_letters order by 1, 2'),
        batches.ask('select "offset", reason from ops.parked_events order by 1'),
    ]


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
def test_outcomes_are_those_of_one_by_one_in_any_batching(settings: Settings, ask_source: Ask) -> None:
    def run(phases: list[list[dict[str, Any]]], sizes: list[int]) -> list[Any]:
        left = iter(sizes)
        with closing(Batches(settings)) as batches:
            for phase in phases:
                while phase:
                    size = next(left, 1)
                    batches.land(*map(sent, phase[:size]))
                    phase = phase[size:]
                batches.landing.retry(3600, 0)
            return contents(batches)

    @examples(8)
    @given(st.lists(orders, max_size=8), st.lists(users, max_size=6), st.lists(orders, max_size=14), cuts)
    def hold(early: list[Any], registered: list[Any], late: list[Any], sizes: list[int]) -> None:
        # The senders do not decide in which order the events of two topics are read, so it is fixed here.
        phases = [early, registered, late]
        assert run(phases, sizes) == run(phases, [])

    ask_source(
        """alter table source.users add constraint refused check (email not like 'refused%') not valid;
           alter table source.order_details add constraint refused check (quantity <> 7) not valid"""
    )
    try:
        hold()
    finally:
        ask_source(
            """alter table source.users drop constraint refused;
               alter table source.order_details drop constraint refused"""
        )


def test_a_repeat_of_what_is_dead_is_judged_by_itself(batches: Batches) -> None:
    first = order(KNOWN)
    changed = {**first, "event_id": EVENT_IDS[0], "order_version": 2, "lines": [line(quantity=3)]}
    batches.land(*map(sent, [first, changed, order(KNOWN, event_id=EVENT_IDS[0]), order(KNOWN)]))
    assert batches.outcomes() == ["landed", "dead", "landed", "landed"]


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
@pytest.mark.parametrize("share", [0.01, 0.5, 1])
def test_refused_rows_cost_time_linear_to_their_number(
    batches: Batches, capsys: pytest.CaptureFixture[str], rows: int, share: float
) -> None:
    tried, refused = [], []
    bad = {at for at in range(rows) if at * share % 1 + share >= 1}

    def take(first: int, end: int) -> None:
        tried.append(end - first)
        cursor.execute("select 1 / %s", (0 if bad & set(range(first, end)) else 1,))

    with batches.landing.connection, batches.landing.connection.cursor() as cursor:
        isolate(cursor, "orders", (0, rows), take, lambda at, _: refused.append(at))
    assert refused == sorted(bad)
    assert sum(tried) <= 6 * rows
    assert len(tried) <= 3 * rows
    said = "stream_events: orders: 100 rows were refused one by one, the last: division by zero\n"
    assert capsys.readouterr().out == (said if len(bad) >= 100 else "")


REFUSING = """create function source.refuse() returns trigger language plpgsql as $$
begin
    if new.first_name = 'Bob' then raise exception 'no Bob' using errcode = '{code}'; end if;
    return new;
end $$;
create {kind} refuse {moment} insert on source.users {deferred} for each row execute function source.refuse()"""
PLAIN = {"kind": "trigger", "moment": "before", "deferred": ""}
DEFERRED = {"kind": "constraint trigger", "moment": "after", "deferred": "deferrable initially deferred"}
BOB, EVE = "bob@events.example.com", "eve@events.example.com"


@pytest.fixture
def refusing(ask_source: Ask) -> Iterator[Any]:
    """Return a function that makes the owner refuse each Bob, with a custom SQLSTATE."""
    yield lambda code, how: ask_source(REFUSING.format(code=code, **how))
    ask_source("drop trigger if exists refuse on source.users; drop function if exists source.refuse()")


@pytest.mark.parametrize("how", [PLAIN, DEFERRED], ids=["before", "deferred"])
@pytest.mark.parametrize("code", ["P0001", "23514", "22012", "54000", "45001", "SL001", "ZZ999"])
def test_what_the_owner_refuses_is_dead_whatever_its_code(
    batches: Batches, refusing: Any, code: str, how: dict[str, str]
) -> None:
    refusing(code, how)
    batches.land(*map(sent, [registration(BOB, first_name="Bob"), registration(EVE), order(EVE)]))
    assert batches.outcomes() == ["landed", "dead", "landed"]
    assert batches.letters() == [("refused", "PostgreSQL refused it: no Bob", None)]


@pytest.mark.parametrize("code", ["40001", "42501", "53200", "55P03", "57014", "58030", "XX000"])
def test_trouble_of_the_server_is_no_events_fault(batches: Batches, refusing: Any, code: str) -> None:
    refusing(code, PLAIN)
    with pytest.raises(psycopg2.Error) as raised:
        batches.land(sent(registration(BOB, first_name="Bob")))
    assert raised.value.pgcode == code
    assert batches.ask("select count(*) from ops.events") == [(0,)]


def test_a_lock_that_does_not_come_is_no_events_fault(batches: Batches, settings: Settings) -> None:
    lines = batches.lines([sent(registration(EVE))])
    batches.ask("select set_config('lock_timeout', '100ms', false)")
    with closing(postgres.owner(settings).connect()) as other:
        other.cursor().execute("lock table source.users in exclusive mode")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            batches.landing.land(lines, {}, batches.fetch)
    batches.landing.land(lines, {}, batches.fetch)
    assert batches.outcomes() == ["landed"]


def test_a_lost_connection_is_no_events_fault(batches: Batches, ask_source: Ask) -> None:
    lines = batches.lines([sent(registration(EVE))])
    ask_source("select pg_terminate_backend(%s)", (batches.landing.connection.info.backend_pid,))
    with pytest.raises((psycopg2.OperationalError, psycopg2.InterfaceError)):
        batches.landing.land(lines, {}, batches.fetch)
    assert ask_source("select count(*) from ops.events") == [(0,)]


def test_a_line_that_copy_does_not_read_is_dead_with_its_bytes_and_the_others_land(batches: Batches) -> None:
    wrong, good, half = registration(BOB), registration(EVE), registration(ADA)
    lines = batches.lines(map(sent, [wrong, good, half]))
    lines["users-data"][0] = lines["users-data"][0].replace("2026-11-01 00:00:00", "-0001-01-01 00:00:00")
    lines["users-data"][2] = lines["users-data"][2].replace("Ada", "A\ud800")
    batches.landing.land(lines, {}, batches.fetch)
    assert batches.outcomes() == ["dead", "landed", "dead"]
    (first, second) = batches.ask("select error_class, reason, value from ops.dead_letters order by dead_letter_id")
    assert first[:2] == ("refused", first[1])
    assert first[1].startswith("PostgreSQL cannot read it: invalid input syntax for type timestamp with time zone")
    assert [json.loads(bytes(one[2]))["email"] for one in (first, second)] == [BOB, ADA]


def test_a_header_that_names_no_letter_of_these_bytes_is_forgotten(batches: Batches) -> None:
    batches.land(("orders", b"k", b"{", None))
    batches.land(sent(order(ADA), 1), sent(order(ADA), 1), sent(order(ADA), 999), ("orders", b"k", b"[", 1))
    batches.land(("orders", b"k", b"{", 1), ("orders", b"k", b"{", 1))
    batches.landing.retry(0, 1)
    batches.landing.retry(0, 1)
    assert batches.outcomes() == ["dead"] * 6 + ["duplicate"]
    assert sorted((one, origin) for one, _, origin in batches.letters() if origin) == [("bad_json", 1)]


def test_orders_that_were_parked_with_headers_of_any_kind_expire(batches: Batches, ask_source: Ask) -> None:
    batches.land(("orders", b"k", b"{", None), *(sent(order(ADA)) for _ in range(4)))
    # As written by an earlier version.
    ask_source("""update ops.parked_events set redriven_from = case when "offset" < 3 then 1 else 999 end""")
    batches.landing.retry(0, 1)
    assert batches.outcomes() == ["dead"] * 5
    assert [origin for *_, origin in batches.letters()] == [None, 1, None, None, None]


def test_only_time_in_which_the_stream_was_caught_up_counts_as_waiting(batches: Batches) -> None:
    batches.land(sent(order(ADA)))
    for seconds, outcome in ((0, "parked"), (6, "parked"), (0, "parked"), (6, "dead")):
        batches.landing.retry(10, seconds)
        assert batches.outcomes() == [outcome]
    batches.land(sent(order(ADA)))
    batches.landing.retry(10, 6)
    assert batches.outcomes() == ["dead", "parked"]


def test_a_complete_order_lands_however_many_wait(batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "MOST_RETRIED", 2)
    batches.land(*(sent(order(ADA)) for _ in range(5)), sent(order(BOB)))
    batches.land(sent(registration(ADA)))
    for landed in (2, 4, 5):
        batches.landing.retry(0, 100)
        assert batches.outcomes()[:6] == ["landed"] * landed + ["parked"] * (5 - landed) + ["dead"]
