"""Real servers for the tests: started once on free ports, in their own folder, never the demo's."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from pyspark.sql import SparkSession

from native.spark import jars, spark_submit
from native.stack import Stack
from storeline.settings import ROOT, Settings
from storeline.stores import mysql, postgres
from tests.integration.events import KNOWN, Ask, Sending, Take, accounted, catch_up, clear, forget
from tests.integration.jobs import run_here
from tests.stacks import QUICK_KAFKA, with_free_ports

# The master's time-out for a silent worker, so that a test need not let one sleep for minutes.
SHORT_TIME_OUTS = dict.fromkeys(("SPARK_MASTER_OPTS", "SPARK_WORKER_OPTS"), "-Dspark.worker.timeout=10")


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a stack with both databases, initialised and empty."""
    settings = with_free_ports(**SHORT_TIME_OUTS, **QUICK_KAFKA)
    with Stack(tmp_path_factory.mktemp("stack"), settings, ("postgres", "mysql")) as stack:
        yield stack


@pytest.fixture(scope="session")
def settings(databases: Stack) -> Settings:
    """Return the settings of the tests' databases."""
    return databases.settings


@pytest.fixture(scope="session")
def postgres_settings(settings: Settings) -> Settings:
    """Return the settings of the tests' PostgreSQL."""
    return settings


@pytest.fixture(scope="session")
def shop(databases: Stack) -> None:
    """Fill the shop at its default size."""
    databases.run("generators.shop", "--replace")


@pytest.fixture(scope="session")
def airflow_states(databases: Stack) -> None:
    """Fill Airflow's own database with a DAG in each state, without running Airflow."""
    databases.run("tests.integration.airflow_tables")


@pytest.fixture
def source(settings: Settings) -> Iterator[Any]:
    """Return a connection as PostgreSQL's owner, in autocommit."""
    with closing(postgres.owner(settings).connect()) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def ask_source(source: Any) -> Ask:
    """Return a function that executes a statement in PostgreSQL and returns its rows."""

    def ask(statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with source.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []

    return ask


@pytest.fixture
def target(settings: Settings) -> Iterator[Any]:
    """Return a connection as MySQL's administrator."""
    with closing(mysql.admin(settings).connect()) as connection:
        yield connection


@pytest.fixture
def ask_target(target: Any) -> Ask:
    """Return a function that executes a statement in MySQL and returns its rows."""

    def ask(statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return mysql.ask(target, statement, parameters)

    return ask


def submit(stack: Stack, job: str, *options: str, root: Any = ROOT, **variables: str) -> subprocess.Popen[str]:
    """Start a job as a local process, like the cluster's driver."""
    command = spark_submit("local[2]", "--jars", jars(), *options)
    (stack.home / "events").mkdir(exist_ok=True)
    environment = stack.environment() | {"PYTHONPATH": str(root), "SPARK_EVENTS_DIR": str(stack.home / "events")}
    return subprocess.Popen(
        [*command, str(root / "spark_jobs" / f"{job}.py")],
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run_job(databases: Stack, spark: SparkSession) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a job here, in the warm session; it returns the exit code and the job's output.

    The job's name is followed by its arguments and, as keywords, variables of `.env`. Tests of the process itself use
    `submit`.
    """

    def run(job: str, *arguments: str, **variables: str) -> tuple[int, str]:
        return run_here(databases.settings, job, *arguments, **variables)

    return run


@pytest.fixture(scope="session")
def broker(databases: Stack, shop: None) -> Stack:
    """Return the stack with Kafka and its topics."""
    databases.start(("kafka",))
    return databases


@pytest.fixture
def sending(broker: Stack, ask_source: Ask) -> Iterator[Sending]:
    """Return a way to send; no events were sent before, and the shop has one user of the tests."""
    clear(broker.settings)
    ask_source(
        """insert into source.users (first_name, last_name, email, registration_date, loyalty_status)
           values ('Known', 'User', %s, '2025-01-01Z', 'Basic')""",
        (KNOWN,),
    )
    yield Sending(broker.settings)
    forget(broker.settings)


@pytest.fixture
def take(settings: Settings, spark: SparkSession) -> Take:
    """Return a function that takes all events and returns the number of events per outcome."""

    def run() -> dict[str, int]:
        catch_up(settings, spark)
        return accounted(settings)

    return run
