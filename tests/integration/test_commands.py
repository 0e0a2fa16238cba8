"""The `storeline` command: its output, its exit codes, and its one line on failure."""

import json
import subprocess
from collections.abc import Callable

import pytest

import storeline.__main__ as command
from init_db.run import init_clickhouse
from native.stack import Stack
from storeline.commands.parser import VERBS, name_of
from storeline.settings import ROOT, Settings
from tests.integration.events import KNOWN, Sending, Take, order

pytestmark = pytest.mark.integration
Storeline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def storeline(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Storeline:
    """Return a function that runs the command here; it returns the exit code and the output of both streams."""
    monkeypatch.setattr(command, "load", lambda: settings)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = command.main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_an_answer_is_a_table_and_nothing_in_it_is_reformatted(storeline: Storeline) -> None:
    code, said, _ = storeline("sql", "select '007' as code, null as nothing, 1.50 as price")
    assert code == 0
    assert [line.split() for line in said.splitlines()] == [
        ["code", "nothing", "price"],
        ["------", "---------", "-------"],
        ["007", "NULL", "1.50"],
    ]


def test_the_same_answer_is_json_for_machines(storeline: Storeline) -> None:
    code, said, _ = storeline("sql", "--json", "select '007' as code, null as nothing, 1.50 as price, 2 as count")
    assert (code, json.loads(said)) == (0, [{"code": "007", "nothing": None, "price": "1.50", "count": 2}])


@pytest.mark.parametrize("database", ["mysql", "postgres"])
def test_each_database_is_asked_with_an_account_that_cannot_write(storeline: Storeline, database: str) -> None:
    assert storeline("sql", "--on", database, "select 1")[0] == 0
    code, said, why = storeline("sql", "--on", database, "create table replica.x (id int)")
    assert (code, said, why.count("\n")) == (1, "", 1)
    assert why.startswith("sql: ")


def test_of_many_rows_the_first_thousand_are_shown(storeline: Storeline) -> None:
    _, said, _ = storeline("sql", "--on", "postgres", "select generate_series(1, 1001)")
    assert said.splitlines()[-2:] == ["1000", "… and more: the first 1000 rows are shown"]


@pytest.mark.parametrize(
    "words",
    [(), ("sql",), ("sql", "--on", "oracle", "select 1"), ("redrive", "--id", "7x"), ("redrive", "--id", "9" * 19),
     ("reset-stream", "yesterday"), ("drop",)],
    ids=" ".join,
)  # fmt: skip
def test_wrong_words_end_with_two(storeline: Storeline, words: tuple[str, ...]) -> None:
    code, said, why = storeline(*words)
    assert (code, said) == (2, "")
    assert why.startswith("usage: storeline")


def test_every_verb_has_help_with_an_example(storeline: Storeline) -> None:
    for verb in map(name_of, VERBS):
        code, said, _ = storeline(verb, "--help")
        assert code == 0
        assert f"Example: storeline {verb}" in said


def test_lag_counts_what_came_and_what_waits(
    broker: Stack, sending: Sending, take: Take, storeline: Storeline, airflow_states: None
) -> None:
    sending.all(order(KNOWN), order("nobody@events.example.com"))
    take()
    sending.event(order(KNOWN))
    code, said, _ = storeline("lag", "--json")
    found = json.loads(said)
    (orders,) = [one for one in found["topics"] if one["topic"] == "orders"]
    assert (code, orders["written"], orders["landed"], orders["parked"], orders["lag"]) == (0, 3, 1, 1, 1)
    assert found["dags"] == ["paused is paused"]
    assert storeline("lag")[1].splitlines()[0].split()[:2] == ["topic", "written"]


def test_dead_letters_are_sent_again_by_their_reason_or_number(
    broker: Stack, sending: Sending, take: Take, storeline: Storeline
) -> None:
    for _ in range(2):
        sending.raw("orders", b"x", b"no JSON")
    take()
    assert "0 dead letters were sent again; not sent again: 2 " in storeline("redrive", "--reason", "too_large")[1]
    assert "1 dead letters were sent again; not sent again: 1 " in storeline("redrive", "--id", "1")[1]
    assert "1 dead letters were sent again; not sent again: none" in storeline("redrive")[1]


def test_a_stream_is_reset_and_what_that_skips_is_said(broker: Stack, sending: Sending, storeline: Storeline) -> None:
    sending.event(order(KNOWN))
    code, said, _ = storeline("reset-stream", "latest")
    assert code == 0
    assert any(line.startswith("reset-stream: orders[") for line in said.splitlines())


def test_the_status_names_what_needs_a_hand(
    settings: Settings, sending: Sending, storeline: Storeline, airflow_states: None
) -> None:
    init_clickhouse(settings)
    sending.raw("orders", b"x", b"no JSON")
    code, said, _ = storeline("status", "--json")
    found = json.loads(said)
    state = {one["name"]: one["is_well"] for one in found["services"]}
    assert state == {"PostgreSQL": True, "MySQL": True, "Kafka": True, "ClickHouse": True, "Spark": False}
    assert {one["dag"]: one["ended"] for one in found["dags"]} == {"copies": "success", "paused": None, "streams": None}
    assert code == 1
    assert [line.partition(" at ")[0] for line in found["hands"]] == ["Spark"]
    assert storeline("status")[1].splitlines()[-2] == "Needs attention:"


def test_a_stack_that_is_down_is_said_in_a_moment(broker: Stack) -> None:
    down = broker.environment() | dict.fromkeys(("POSTGRES_PORT", "MYSQL_PORT", "KAFKA_PORT", "CLICKHOUSE_PORT"), "9")
    done = run_as_process(down | {"CLICKHOUSE_FOLDER": "nowhere"}, "status")
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith("  no answer")] == [
        "PostgreSQL",
        "MySQL",
        "Kafka",
        "Spark",
    ]
    # Zero tables, or no dead letter, would be a claim.
    assert {f"{what:<9}unknown" for what in ("Replica", "Marts", "Dead")} <= set(done.stdout.splitlines())
    assert "Traceback" not in done.stderr


def test_it_runs_from_anywhere_and_a_wrong_setting_is_one_line(broker: Stack) -> None:
    done = run_as_process(broker.environment(), "sql", "select 7")
    assert (done.returncode, done.stdout.split()[-1], done.stderr) == (0, "7", "")
    done = run_as_process(broker.environment() | {"MYSQL_PORT": "many"}, "sql", "select 7")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "MYSQL_PORT is 'many'" in done.stderr


def run_as_process(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    path = str(ROOT / "bin" / "storeline")
    return subprocess.run((path, *words), env=environment, cwd="/", capture_output=True, text=True, check=False)
