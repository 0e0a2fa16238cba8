"""A run that has to end does so, whatever it waits for, and publishes nothing afterwards."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from mysql.connector import Error as DriverError
from pyspark.sql import SparkSession

from spark_jobs.recording import recorded
from spark_jobs.watch import Watch, watching
from storeline import batch_runs, ledger, task
from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import bases
from storeline.settings import ROOT, Settings
from storeline.stores import mysql, mysql_locks, mysql_swap, postgres

pytestmark = [pytest.mark.integration, pytest.mark.faults]
Wait = Callable[[], object]
SECONDS = 60  # the limit for a run that has to end; on a quiet machine it takes three
LONG_SECONDS = 4 * SECONDS  # what it would wait for


def watch_over(settings: Settings, seconds: int) -> Watch:
    return Watch("replicate", mysql.replicator(settings), REPLICA, ("COPY_TIMEOUT_SECONDS", seconds))


@contextmanager
def holding(settings: Settings, name: str) -> Iterator[Any]:
    """Hold the lock of copies like a task's run."""
    login = mysql.replicator(settings)
    with closing(login.connect(conn_attrs={task.ATTRIBUTE: name})) as connection:
        mysql_locks.hold(connection, bases.COPY_LOCK, 1)
        yield connection


def in_mysql(target: Any, source: Any, spark: SparkSession) -> None:
    mysql.do(target, f"do sleep({LONG_SECONDS})")


def for_a_lock(target: Any, source: Any, spark: SparkSession) -> None:
    mysql_locks.hold(target, "storeline.test", LONG_SECONDS)


def in_postgres(target: Any, source: Any, spark: SparkSession) -> None:
    source.cursor().execute(f"select pg_sleep({LONG_SECONDS})")


def in_spark(target: Any, source: Any, spark: SparkSession) -> None:
    spark.range(10**13).selectExpr("sum(id * id % 7)").collect()


def for_a_reader(target: Any, source: Any, spark: SparkSession) -> None:
    mysql_swap.swap(target, [(("replica_staging", "kept"), ("replica_staging", "moved"))], LONG_SECONDS)


@pytest.mark.parametrize("wait", [in_mysql, for_a_lock, in_postgres, in_spark, for_a_reader], ids=lambda w: w.__name__)
def test_a_run_ends_in_time_whatever_it_waits_for(
    settings: Settings, spark: SparkSession, target: Any, ask_target: Any, wait: Callable[..., None]
) -> None:
    run_id = ledger.new_run_id()
    spark.range(1).selectExpr("sum(id)").collect()  # a session's first query takes as long as the watch waits
    mysql.do(target, "create table if not exists replica_staging.kept (number int)")
    with closing(mysql.admin(settings).connect(autocommit=False)) as in_the_way:
        mysql_locks.hold(in_the_way, "storeline.test", 1)
        mysql.ask(in_the_way, "select * from replica_staging.kept")
        begun = time.monotonic()
        with pytest.raises(StorelineError, match="it took longer than COPY_TIMEOUT_SECONDS; nothing was published"):
            run_that_waits(settings, spark, run_id, wait)
        assert time.monotonic() - begun < SECONDS
    mysql.do(target, "drop table replica_staging.kept")
    ((state, message),) = ask_target("select state, message from ops.runs where run_id = %s", (run_id,))
    assert (state, message.startswith("it took longer than COPY_TIMEOUT_SECONDS")) == ("failed", True)


def run_that_waits(settings: Settings, spark: SparkSession, run_id: str, wait: Callable[..., None]) -> None:
    login = mysql.replicator(settings)
    with (
        watching(watch_over(settings, 2)) as watch,
        closing(login.connect()) as connection,
        closing(postgres.endless(postgres.reader(settings))) as source,
        recorded(login, connection, run_id, "replicate", REPLICA, watch),
    ):
        watch.source = source
        wait(connection, source, spark)


DRIVER = """
import sys, time
from pathlib import Path
from spark_jobs.watch import Watch, watching
from storeline.stores import mysql, mysql_locks, mysql_swap
from storeline.generation import REPLICA
from storeline.settings import load
with watching(Watch("replicate", mysql.replicator(load()), REPLICA, ("COPY_TIMEOUT_SECONDS", int(sys.argv[1])))):
    print("running", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def driver(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a driver which only waits, as a child of another process."""
    started: list[subprocess.Popen[str]] = []

    def start(seconds: int, **variables: str) -> subprocess.Popen[str]:
        environment = {**os.environ, **settings.values, **variables, "PYTHONPATH": str(ROOT)}
        words = ("-c", f"'{sys.executable}' -c '{DRIVER}' {seconds}; exit $?")
        process = subprocess.Popen(
            ("bash", *words), env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        return process

    yield start
    for process in started:
        for child in psutil.Process(process.pid).children() if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


def child_of(process: subprocess.Popen[str]) -> psutil.Process:
    (child,) = psutil.Process(process.pid).children()
    return child


def test_a_driver_that_hangs_ends_with_one_line(driver: Callable[..., subprocess.Popen[str]]) -> None:
    said, _ = (process := driver(1)).communicate(timeout=2 * SECONDS)
    assert (process.returncode, said) == (
        1,
        "replicate: it took longer than COPY_TIMEOUT_SECONDS; nothing was published\n",
    )


def test_a_driver_whose_java_was_killed_ends(driver: Callable[..., subprocess.Popen[str]]) -> None:
    python = child_of(process := driver(LONG_SECONDS))
    process.kill()
    python.wait(timeout=2 * SECONDS)


def test_a_driver_whose_task_was_killed_ends(driver: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    with task.alive("a task", tmp_path) as variables:
        process = driver(LONG_SECONDS, **variables)
        time.sleep(1)
        assert process.poll() is None
    said, _ = process.communicate(timeout=2 * SECONDS)
    assert "replicate: Airflow has ended its task; nothing was published" in said


def test_a_driver_that_slept_through_the_end_of_its_task_does_not_swap(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with task.alive("a task", tmp_path) as variables:
        monkeypatch.setenv(task.ALIVE_VARIABLE, variables[task.ALIVE_VARIABLE])
        watch = watch_over(settings, LONG_SECONDS)
        watch.check()
    with pytest.raises(StorelineError, match="Airflow has ended its task; nothing was published"):
        watch.check()


def test_the_session_of_a_run_that_airflow_gave_up_is_ended_and_no_other(settings: Settings, ask_target: Any) -> None:
    run_id = ledger.new_run_id()
    with holding(settings, "dag|given up|1") as sleeper:
        ledger.begin(sleeper, run_id, "replicate", set())
        assert batch_runs.end(settings, "replicate", lambda name: name == "dag|another|1", "for no reason") == []
        assert mysql_locks.holder(sleeper, bases.COPY_LOCK) == sleeper.connection_id
        (line,) = batch_runs.end(settings, "replicate", lambda name: name == "dag|given up|1", "Airflow gave it up")
        assert line.startswith(f"dag|given up|1: connection {sleeper.connection_id} (storeline_replicator@")
        with pytest.raises(DriverError):
            mysql.do(sleeper, "rename table replica.users to replica.users_too")
    with holding(settings, "dag|next|1"):
        pass
    assert ask_target("select state, message from ops.runs where run_id = %s", (run_id,)) == [
        ("dead", "Airflow gave it up")
    ]


def test_a_task_that_is_killed_takes_java_and_python_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for name, value in settings.values.items():
        monkeypatch.setenv(name, value)
    from dags.spark_job import SparkJob

    job = SparkJob(task_id="replicate", assets={}, seconds=("copy_timeout_seconds",))
    job.env_vars = {task.TASK_VARIABLE: "dag|mine|1"}
    job._hook = job._get_hook()
    job._hook._submit_sp = subprocess.Popen(("bash", "-c", "sleep 100 & wait"), start_new_session=True)
    time.sleep(0.5)
    java = psutil.Process(job._hook._submit_sp.pid)
    (python,) = java.children()
    os.kill(java.pid, signal.SIGSTOP)
    with holding(settings, "dag|mine|1") as mine, holding_nothing(settings, "dag|theirs|1") as theirs:
        job.on_kill()
        with pytest.raises(DriverError):
            mysql.do(mine, "do 1")
        mysql.do(theirs, "do 1")
    assert job._hook._submit_sp.wait(timeout=SECONDS) == -signal.SIGKILL
    python.wait(timeout=SECONDS)


@contextmanager
def holding_nothing(settings: Settings, name: str) -> Iterator[Any]:
    with closing(mysql.replicator(settings).connect(conn_attrs={task.ATTRIBUTE: name})) as connection:
        yield connection


def test_only_what_airflow_has_given_up_counts_as_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    for name, value in settings.values.items():
        monkeypatch.setenv(name, value)
    from dags.spark_job import SparkJob

    class Instance:
        """What a task knows about itself and the other runs."""

        dag_id, run_id, try_number = "copy", "today", 2

        def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
            known = {"failed": {"replicate": "failed"}, "running": {"replicate": "running"}}
            return {run: known[run] for run in run_ids if run in known}

    names = ("copy|today|1", "copy|today|2", "copy|failed|1", "copy|running|1", "copy|unknown|1", "marts|failed|1")
    with holding(settings, names[0]) as first:
        sessions = {names[0]: first}
        for name in names[1:]:
            login = mysql.replicator(settings)
            sessions[name] = login.connect(conn_attrs={task.ATTRIBUTE: name})
        SparkJob(task_id="replicate", assets={}, seconds=("copy_timeout_seconds",))._end_given_up(Instance())
        left = {name for name, session in sessions.items() if is_open(session)}
        for session in sessions.values():
            session.close()
    assert left == {"copy|today|2", "copy|running|1", "copy|unknown|1", "marts|failed|1"}


def is_open(connection: Any) -> bool:
    try:
        mysql.do(connection, "do 1")
    except DriverError:
        return False
    return True


def test_a_run_that_waits_for_another_goes_on_when_that_one_is_ended(settings: Settings) -> None:
    with holding(settings, "dag|given up|1"), closing(mysql.replicator(settings).connect()) as successor:
        timer = threading.Timer(
            1, lambda: batch_runs.end(settings, "replicate", lambda name: "given up" in name, "Airflow gave it up")
        )
        timer.start()
        mysql_locks.hold(successor, bases.COPY_LOCK, 30)
        timer.join()
        assert mysql_locks.holder(successor, bases.COPY_LOCK) == successor.connection_id
