"""Every query of the boards and alerts, run on the real databases with Grafana's own accounts."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from mysql.connector import Error as MysqlDriverError
from pyspark.sql import SparkSession

from dashboards.alerts import DEAD_AT_LEAST, RULES, Rule
from dashboards.ask import Answer, answer, answers, choices, picked
from dashboards.boards import Board
from dashboards.draw import draw
from dashboards.generate import BOARDS
from dashboards.panels import NUMBER, TEXT, TIME, Panel, PanelColumn
from storeline import ledger
from storeline.marts.contract import load as load_marts
from storeline.replica.verification import verify
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from tests.integration.batches import IDS, Batches
from tests.integration.changing import drop_slots, forget_position, make_slot
from tests.integration.events import ADA, KNOWN, Ask, order, registration
from tests.integration.jobs import build_here, copy_here
from tests.integration.sales_weeks import WEEKS, fill_weeks, sales_of

pytestmark = pytest.mark.integration

FAILED = "20260101T000000_failed"
SLOT = "storeline_boards"
APPLIED = """insert into ops.stream_positions
    (stream, run_id, started_at, last_end, last_transaction, changes, committed_at, updated_at)
values ('stream_changes', 'a run', utc_timestamp(6), 0, 0, 7,
    utc_timestamp(6) - interval 3 second, utc_timestamp(6) - interval 2500000 microsecond)"""
TYPES: dict[str, tuple[type, ...]] = {TIME: (datetime, date), TEXT: (str,), NUMBER: (int, float, Decimal)}


@pytest.fixture(scope="module")
def filled(settings: Settings, spark: SparkSession, shop: None, airflow_states: None) -> Iterator[Settings]:
    """Return the settings of databases with data for every panel, created by the platform's own code."""
    make_slot(settings, SLOT)
    forget_position(settings)
    copy_here(settings, spark)
    build_here(settings, spark, load_marts())
    verify(settings)
    with closing(mysql.admin(settings).connect()) as target:
        mysql.do(target, APPLIED)
    with closing(mysql.replicator(settings).connect()) as target:
        ledger.begin(target, FAILED, "replicate", ())
        ledger.end(target, FAILED, "failed", "the disk is full")
    fill_weeks(settings)
    with closing(Batches(settings)) as batches:
        land_events(settings, batches)
        yield settings
    fill_weeks(settings, weeks=())
    with closing(mysql.admin(settings).connect()) as target:
        mysql.do(target, "delete from ops.runs where run_id = %s", (FAILED,))
    forget_position(settings)
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        drop_slots(cursor)


def land_events(settings: Settings, batches: Batches) -> None:
    """Let events land, wait and be refused, and send one that the stream has not reached."""
    first = registration(ADA)
    for event in (first, first, order(KNOWN), order("nobody@events.example.com")):
        topic, key = ("orders", "order_id") if "order_id" in event else ("users-data", "email")
        batches.land((topic, str(event[key]).encode(), json.dumps(event).encode(), None))
    batches.land(("orders", b"x", b"no JSON", None), ("users-data", b"x", b"no JSON", None))
    assert set(batches.outcomes()) == {"landed", "duplicate", "parked", "dead"}
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            """insert into ops.sent_events (topic, partition, "offset", kind, sent_at)
               values ('orders', 0, 0, 'new', now() - interval '1 day'), ('orders', 0, 3, 'new', now())"""
        )


@pytest.fixture(scope="module")
def answered(filled: Settings) -> dict[str, list[Answer]]:
    """Return every board's answers for the time it opens with; the shop's for the end of its history.

    A range in MySQL ends with a whole second, so it takes the next one to show what has just been written.
    """
    until = {name: datetime.now(UTC) + timedelta(seconds=1) for name in BOARDS} | {"shop": filled.shop_until}
    return {name: answers(filled, board, until[name]) for name, board in BOARDS.items()}


PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board.panels]


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=[f"{name}-{panel.title}" for name, panel in PANELS])
def test_a_panel_gets_rows_of_the_types_that_it_needs(
    answered: dict[str, list[Answer]], name: str, panel: Panel
) -> None:
    names, rows = answered[name][BOARDS[name].panels.index(panel)]
    assert names == [column.name for column in panel.columns]
    assert rows
    for place, column in enumerate(panel.columns):
        values = [row[place] for row in rows if row[place] is not None]
        assert values, f"{column.name} is always null"
        assert {type(value) for value in values if not fits(value, column)} == set(), column.name
    first = [row[0] for row in rows]
    if panel.kind == "stat":
        assert len(rows) == 1
    if panel.kind == "timeseries":
        assert first == sorted(set(first))
    if panel.kind == "barchart":
        assert len(first) == len(set(first))


def fits(value: Any, column: PanelColumn) -> bool:
    return isinstance(value, TYPES[column.type]) and not isinstance(value, bool)


def test_every_board_can_be_drawn(answered: dict[str, list[Answer]], tmp_path: Path) -> None:
    for name, board in BOARDS.items():
        draw(board, answered[name], tmp_path / f"{name}.png")
        draw(board, [(names, []) for names, _ in answered[name]], tmp_path / f"{name}-empty.png")
        full, empty = (len((tmp_path / f"{name}{end}.png").read_bytes()) for end in ("", "-empty"))
        assert full > 1.5 * empty


VARIABLES = [(board, variable) for board in BOARDS.values() for variable in board.variables]


@pytest.mark.parametrize(("board", "variable"), VARIABLES, ids=[f"{b.title}-{v.name}" for b, v in VARIABLES])
def test_a_variable_has_choices(filled: Settings, board: Board, variable: Any) -> None:
    found = choices(filled, variable)
    assert found
    assert len(found) == len(set(found))
    assert picked(filled, board)[variable.name] == (found if variable.many else found[:1])


def of(answered: dict[str, list[Answer]], board: str, title: str) -> list[tuple[Any, ...]]:
    (place,) = (place for place, panel in enumerate(BOARDS[board].panels) if panel.title == title)
    return answered[board][place][1]


def test_the_shops_numbers_are_those_of_its_own_database(answered: dict[str, list[Answer]], ask_source: Ask) -> None:
    ((orders, revenue),) = ask_source(
        """select count(*), sum(total_amount) filter (where status <> 'Aborted') from source.orders
           where web_order_id is null"""
    )
    assert of(answered, "shop", "Orders") == [(orders,)] == [(3000,)]
    assert of(answered, "shop", "Revenue") == [(revenue,)]


def test_the_cockpit_says_what_waits_and_what_runs(answered: dict[str, list[Answer]]) -> None:
    assert of(answered, "cockpit", "Events that wait") == [(1,)]
    assert of(answered, "cockpit", "Orders that are parked") == [(1,)]
    dags = {name: (switch, state) for name, switch, state, *_ in of(answered, "cockpit", "DAGs")}
    assert dags == {"copies": ("on", "success"), "paused": ("paused", "never ran"), "streams": ("on", "running")}
    assert len(of(answered, "cockpit", "Marts")) == len(load_marts())
    assert len(of(answered, "cockpit", "Last verification")) == 7
    assert [row[3] for row in of(answered, "cockpit", "Replica against the source")] == [0] * 7
    assert of(answered, "cockpit", "Batch runs that failed")[0][1:] == ("replicate", "failed", "the disk is full")


def test_the_cockpit_says_how_far_the_changes_are(answered: dict[str, list[Answer]]) -> None:
    ((latency,),) = of(answered, "cockpit", "Latency of a change")
    assert float(latency) == pytest.approx(0.5, abs=0.1)
    ((behind,),) = of(answered, "cockpit", "Replica behind the shop")
    assert 3 <= behind < 60
    assert (
        of(answered, "cockpit", "Changes applied") == of(answered, "cockpit", "Changes that the marts lack") == [(7,)]
    )
    ((slot, wal_status, is_read, to_capture, kept, used),) = of(answered, "cockpit", "Replication slot")
    assert (slot, wal_status, is_read) == (SLOT, "reserved", "no")
    assert 0 < to_capture <= kept
    assert 0 <= used < 0.5


def test_the_sales_are_those_of_the_latest_week_beside_the_one_before(answered: dict[str, list[Answer]]) -> None:
    *_, before, latest = WEEKS
    assert of(answered, "sales", "Sales") == [(sum(sales_of(latest).values()),)]
    (change,) = of(answered, "sales", "Against the week before")[0]
    assert change == pytest.approx(float(sum(sales_of(latest).values()) / sum(sales_of(before).values())) - 1)
    assert len(of(answered, "sales", "Week against week")) == len(WEEKS)
    falling = of(answered, "sales", "Falling products")
    rising = of(answered, "sales", "Rising products")
    assert falling[0] == rising[-1] if len(rising) < 10 else falling[0][-1] < rising[0][-1]
    assert falling[0][-1] < 0 < rising[0][-1]


@pytest.fixture
def broken(filled: Settings, ask_source: Ask, ask_target: Ask) -> Iterator[Callable[[str], None]]:
    """Return a function that triggers a rule; afterwards everything is healthy again."""
    owner = postgres.owner(filled, filled.postgres_airflow_db)

    def in_airflow(statement: str) -> None:
        with closing(owner.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def bring_about(uid: str) -> None:
        match uid:
            case "storeline-dag-failed":
                in_airflow("update dag_run set end_date = now() where run_id = '1' and dag_id = 'copies'")
            case "storeline-stream-stuck":
                ask_source("update ops.sent_events set sent_at = now() - interval '1 hour'")
            case "storeline-dead-letters":
                ask_source(
                    """insert into ops.events (topic_id, partition, "offset", outcome, produced_at)
                       select %s::uuid, 9, one, 'dead', now() from generate_series(1, %s) as one""",
                    (IDS["orders"], DEAD_AT_LEAST),
                )
            case "storeline-changes-behind":
                ask_target("update ops.stream_positions set committed_at = utc_timestamp(6) - interval 1 hour")
            case "storeline-slot-lost":
                ask_source("update ops.slots set slot_id = 'gone' where retired_at is null")
            case "storeline-marts-old":
                ask_target("update ops.mart_builds set built_at = built_at - interval 3 hour where mart = 'UserOrders'")
            case "storeline-sales-missing":
                fill_weeks(filled, weeks=WEEKS[:1])

    yield bring_about
    in_airflow("update dag_run set end_date = start_date where run_id = '1' and dag_id = 'copies'")
    ask_source("""update ops.sent_events set sent_at = now() where "offset" = 3""")
    ask_source("delete from ops.events where partition = 9")
    ask_target("update ops.stream_positions set committed_at = utc_timestamp(6)")
    ask_source("update ops.slots set slot_id = %s where retired_at is null", (SLOT,))
    ask_target("update ops.mart_builds set built_at = utc_timestamp(6)")
    fill_weeks(filled)


@pytest.mark.parametrize("rule", RULES, ids=[rule.uid for rule in RULES])
def test_an_alert_is_silent_until_what_it_is_there_for(
    filled: Settings, broken: Callable[[str], None], rule: Rule
) -> None:
    assert above(filled, rule) == []
    broken(rule.uid)
    named = {
        "storeline-dag-failed": ["copies"],
        "storeline-marts-old": ["UserOrders"],
        "storeline-slot-lost": ["gone"],
    }
    assert above(filled, rule) == [(name,) for name in named.get(rule.uid, [])] or [()]


def above(settings: Settings, rule: Rule) -> list[tuple[Any, ...]]:
    """Return the labels for which a rule's number is above its limit; Grafana treats texts as labels."""
    names, rows = answer(settings, rule.source, rule.sql)
    assert rows
    for row in rows:
        *labels, value = row
        assert all(isinstance(label, str) for label in labels), names
        assert fits(value, PanelColumn(names[-1], NUMBER))
    return [tuple(labels) for *labels, value in rows if value > rule.limit]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from source.users",
        "select value from ops.dead_letters",
        "select user_email from ops.parked_events",
        "delete from ops.events",
        "create table ops.mine (one int)",
        "create temporary table mine (one int)",
        "select * from pg_read_file('/etc/passwd')",
    ],
)
def test_grafanas_role_in_postgresql_sees_what_it_shows_and_no_more(settings: Settings, statement: str) -> None:
    refused(postgres.grafana(settings), f"set default_transaction_read_only = off; commit; {statement}")
    refused(postgres.grafana(settings), statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select conf from dag_run",
        "select * from connection",
        "select * from variable",
        "select * from dag",
        "update dag set is_paused = true",
        "create table mine (one int)",
    ],
)
def test_grafanas_role_sees_of_airflow_the_states_of_dags_and_no_more(filled: Settings, statement: str) -> None:
    refused(postgres.grafana(filled, filled.postgres_airflow_db), statement)


def refused(login: postgres.Login, statement: str) -> None:
    kinds = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ReadOnlySqlTransaction)
    with closing(login.connect()) as connection, connection.cursor() as cursor, pytest.raises(kinds):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "select * from replica.users",
        "delete from marts.UserOrders",
        "update ops.runs set state = 'succeeded'",
        "create table marts.mine (one int)",
        "select authentication_string from mysql.user",
        "drop view ops.mart_freshness",
    ],
)
def test_grafanas_account_in_mysql_may_only_read_marts_and_ledger(settings: Settings, statement: str) -> None:
    with closing(mysql.grafana(settings).connect()) as connection, pytest.raises(MysqlDriverError, match="denied"):
        mysql.ask(connection, statement)
