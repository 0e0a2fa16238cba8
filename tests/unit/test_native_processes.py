"""The definitions of the native stack's processes, before any of them runs."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from native import airflow, mysql, mysql_packages, places, spark, supervision
from native.process import Process, Service, base_environment, environment
from native.stack import Stack
from storeline import ports
from storeline.settings import ROOT, Settings, load

DEFAULTS = load(environment={})


def settings(**values: str) -> Settings:
    return Settings({**DEFAULTS.values, **values})


def process(**options: object) -> Process:
    return Process(**{"name": "one", "command": ("true",), "folder": Path("/"), "environment": {}} | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["it's", 'a "word"', "a $HOME b", "%(here)s", "back\\slash", "`id`", "; exit 1"])
def test_a_process_sees_every_value_exactly(value: str) -> None:
    script = process(command=("printenv", "SECRET"), environment={"SECRET": value}).script()
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout == f"{value}\n"


def test_a_process_waits_for_the_port_that_it_needs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = process(command=("echo", "begun"), waits_for_port=server.getsockname()[1]).script()
        assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=10).stdout == "begun\n"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["bash", "-c", script], timeout=1)


def test_the_callers_own_variables_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "another")
    monkeypatch.setenv("SPARK_HOME", "/another")
    assert not {"AIRFLOW__CORE__EXECUTOR", "SPARK_HOME"} & set(base_environment())


def test_no_secret_stands_in_the_supervisors_configuration_or_on_a_command_line(tmp_path: Path) -> None:
    secrets = {str(v) for name, v in DEFAULTS.values.items() if Settings.variables()[name].is_secret}
    marked = Settings({n: f"canary-{n}-" + "x" * 32 if v in secrets else v for n, v in DEFAULTS.values.items()})
    marked = Settings({**marked.values, "AIRFLOW_FERNET_KEY": DEFAULTS.airflow_fernet_key})
    services = [spark.service(marked, tmp_path), airflow.service(marked, tmp_path)]
    configuration = supervision.files(tmp_path, services)[tmp_path / "supervisord.conf"]
    commands = [" ".join(one.command) for service in services for one in service.processes]
    assert "canary" not in configuration + "".join(commands)


def test_databases_end_after_those_who_use_them(tmp_path: Path) -> None:
    services = [Service(name, (process(name=name),), lambda: None, lambda: None) for name in ("postgres", "airflow")]
    configuration = supervision.files(tmp_path, services)[tmp_path / "supervisord.conf"]
    assert (
        configuration.index("priority = 0")
        < configuration.index("[group:airflow]")
        < configuration.index("priority = 1")
    )


def test_a_percent_sign_in_a_path_is_kept() -> None:
    home = Path("/tmp/100%")
    assert "/tmp/100%%/logs" in supervision.files(home, [])[home / "supervisord.conf"]


def test_sockets_move_to_a_short_folder_when_the_path_is_long(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    assert places.sockets(Path("/short")) == Path("/short")
    assert len(str(places.sockets(long))) < places.LONGEST_SOCKET
    assert places.sockets(long) == places.sockets(long) != places.sockets(tmp_path / ("y" * 100))


def test_one_native_worker_has_the_slots_and_the_memory_of_all(tmp_path: Path) -> None:
    three = settings(SPARK_WORKERS="3", SPARK_WORKER_CORES="2", SPARK_WORKER_MEMORY="1500m")
    worker = next(one for one in spark.service(three, tmp_path).processes if one.name == "spark-worker")
    assert " ".join(worker.command).count("--cores 6 --memory 4500m") == 1


def test_a_password_with_signs_survives_in_airflows_address(tmp_path: Path) -> None:
    seen = airflow.airflow_environment(settings(POSTGRES_AIRFLOW_PASSWORD="p@ss:w/rd%"), tmp_path)
    assert ":p%40ss%3Aw%2Frd%25@127.0.0.1:" in seen["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def test_a_password_with_a_quote_stays_inside_its_literal() -> None:
    statements = mysql.admin_account(settings(MYSQL_ADMIN_PASSWORD="it's\\"))
    assert "identified by 'it''s\\\\';" in statements


def test_a_database_elsewhere_is_the_users_own(tmp_path: Path) -> None:
    stack = Stack(tmp_path, settings(MYSQL_HOST="db.example.com", KAFKA_HOST="k.example.com", SPARK_MASTER_URL="yarn"))
    assert [name for name in stack.services if stack.is_native(name)] == [
        "postgres",
        "clickhouse",
        "producers",
        "airflow",
    ]


def test_the_preflight_needs_nothing_that_is_not_installed_yet() -> None:
    look = "from native import preflight; preflight.machine(); preflight.configuration(ports=True)"
    done = subprocess.run((sys.executable, "-S", "-c", look), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_taken_port_is_named_with_its_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (problem,) = ports.problems({"POSTGRES_PORT": ("127.0.0.1", port)})
    assert f"port {port} (POSTGRES_PORT) is taken" in problem


def test_two_variables_with_one_port_are_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (problem,) = ports.problems(dict.fromkeys(("MYSQL_PORT", "AIRFLOW_PORT"), ("127.0.0.1", port)))
    assert f"port {port} (AIRFLOW_PORT) is MYSQL_PORT as well" in problem


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("mysqld  Ver 8.4.3 for Linux on x86_64", (8, 4, 3)),
        ("mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", (9, 7, 4)),
        ("mysqld  Ver 11.8.2-MariaDB-1 for debian-linux-gnu", None),
    ],
)
def test_a_server_of_another_make_is_not_mysql(said: str, version: tuple[int, ...] | None) -> None:
    assert mysql_packages.version_of(("echo", said)) == version


def test_a_process_is_given_whole_folders_because_a_driver_imports_from_an_archive() -> None:
    seen = environment(settings(SALES_STORAGE=".native/demo/sales", CLICKHOUSE_FOLDER="/elsewhere"))
    assert (seen["SALES_STORAGE"], seen["CLICKHOUSE_FOLDER"]) == (str(ROOT / ".native/demo/sales"), "/elsewhere")
    assert environment(settings(SALES_STORAGE="s3://bucket/sales"))["SALES_STORAGE"] == "s3://bucket/sales"


def test_the_dag_processor_stores_triggers_that_can_be_read_after_a_change_of_the_key(tmp_path: Path) -> None:
    name = "AIRFLOW__CORE__FERNET_KEY"
    keys = {one.name: one.environment[name] for one in airflow.service(DEFAULTS, tmp_path).processes}
    assert [part for part, key in keys.items() if not key] == ["airflow-dag-processor"]
