"""The state of the whole platform now: what answers, what ran, how old the data is, and what needs attention."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from storeline import dag_states
from storeline.changes.lag import ChangeLag, lag
from storeline.dag_states import CHANGES, DagState
from storeline.errors import StorelineError, one_line
from storeline.events import dead_letters
from storeline.events.lag import Lag, lags
from storeline.generation import REPLICA
from storeline.replica import last_verification, slot
from storeline.replica.slot import Slot
from storeline.settings import Settings
from storeline.stores import kafka_topics, mysql, postgres
from storeline.stores.drivers import DRIVER_ERRORS
from storeline.stores.query import query

ANSWER_SECONDS = 2
HEARTBEAT_SECONDS = 60  # Airflow calls a component healthy if it wrote one in the last 30
STUCK_SECONDS = 300.0  # the alert "Events wait" has it from here
FRESHNESS = "select count(*), max(age_seconds), max(limit_seconds) from ops.mart_freshness"
COPIED = """select count(*), timestampdiff(second, min(copied_at), utc_timestamp(6)) from ops.bases
where database_name = %s"""
MARTS, STREAM = "create_data_marts", "kafka_to_postgres_streaming"


@dataclass(frozen=True)
class Service:
    """A service, its address, and what it said when asked; `is_well` tells whether that was an answer."""

    name: str
    where: str
    said: str
    is_well: bool


@dataclass
class Health:
    """The findings. `hands` names what needs attention, and what to do; `notes` what a user may want to know.

    What a service that does not answer would have said is None.
    """

    services: list[Service] = field(default_factory=list)
    dags: list[DagState] = field(default_factory=list)
    tables: int | None = None
    replica_age_seconds: int | None = None
    marts: int | None = None
    mart_age_seconds: int | None = None
    topics: list[Lag] = field(default_factory=list)
    changes: ChangeLag | None = None
    dead_letters: dict[str, int] | None = None
    slot: Slot | None = None  # None while changes are not captured
    hands: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def is_on(self, dag: str) -> bool:
        """Tell whether a DAG exists and is not paused."""
        return any(one.dag == dag and not one.is_paused for one in self.dags)


def look(settings: Settings) -> Health:
    """Return the state of everything. A service that does not answer is part of the result, so nothing is raised."""
    found = Health()
    found.services = list(_services(settings))
    found.hands += [f"{one.name} at {one.where}: {one.said}: see its log" for one in found.services if not one.is_well]
    are_well = {one.name for one in found.services if one.is_well}
    for add, needed in (
        (_add_capture, {"PostgreSQL"}),
        (_add_dags, {"PostgreSQL"}),
        (_add_tables, {"MySQL"}),
        (_add_stream, {"PostgreSQL", "Kafka"}),
        (_add_changes, {"PostgreSQL", "MySQL", "Kafka"}),
    ):
        if needed <= are_well:
            with _told(found):
                add(settings, found)
    return found


@contextmanager
def _told(found: Health) -> Iterator[None]:
    try:
        yield
    except (StorelineError, *DRIVER_ERRORS) as error:
        found.hands.append(one_line(error))


def _services(settings: Settings) -> Iterator[Service]:
    master = urlsplit(settings.spark_master_url)
    asked: tuple[tuple[str, str | None, int | None, Callable[[], Any]], ...] = (
        ("PostgreSQL", settings.postgres_host, settings.postgres_port, lambda: query(settings, "select 1", "postgres")),
        ("MySQL", settings.mysql_host, settings.mysql_port, lambda: query(settings, "select 1")),
        ("Kafka", settings.kafka_host, settings.kafka_port, lambda: kafka_topics.states(settings, [])),
        ("ClickHouse", settings.clickhouse_host, None, lambda: query(settings, "select 1", "clickhouse")),
        ("Spark", master.hostname, master.port, lambda: None),
    )
    for name, host, port, ask in asked:
        where = f"{host}:{port or settings.clickhouse_port}"
        try:
            if host and port:
                socket.create_connection((host, port), ANSWER_SECONDS).close()
            ask()
        except OSError:
            yield Service(name, where, "no answer", is_well=False)
        except (StorelineError, *DRIVER_ERRORS) as error:
            # The table has name and address in columns of their own.
            yield Service(name, where, one_line(error).removeprefix(f"{name} at {where}: "), is_well=False)
        else:
            yield Service(name, where, "answers", is_well=True)


def _add_capture(settings: Settings, found: Health) -> None:
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        found.slot = slot.current(cursor)
    if found.slot and (line := slot.loss(found.slot) or slot.warning(found.slot)):
        found.hands.append(line)


def _add_dags(settings: Settings, found: Health) -> None:
    for part, seconds in dag_states.heartbeats(settings).items():
        is_well = seconds < HEARTBEAT_SECONDS
        found.services.append(Service(f"Airflow {part}", "", f"heartbeat {seconds:.0f} s ago", is_well))
        if not is_well:
            found.hands.append(f"Airflow's {part} wrote no heartbeat for {seconds:.0f} s: restart it")
    found.dags = dag_states.states(settings)
    for dag in found.dags:
        if dag.failure and dag.running_since is None:
            found.hands.append(f"{dag.failure}: the last line of its log in Airflow says why")
        if pause := dag.pause(is_captured=found.slot is not None):
            found.notes.append(f"{pause}: unpause it in Airflow to let it run")
        if dag.retry:
            found.notes.append(dag.retry)


def _add_tables(settings: Settings, found: Health) -> None:
    with closing(mysql.analyst(settings).connect()) as connection:
        found.tables, found.replica_age_seconds = mysql.ask(connection, COPIED, (REPLICA.live,))[0]
        found.marts, age, limit = mysql.ask(connection, FRESHNESS)[0]
        differing = last_verification.differing(connection)
    found.mart_age_seconds = age
    if differing:
        line = f"rows of {', '.join(differing)} in the replica differ from the source"
        found.hands.append(f"{line}: {last_verification.repairs(differing)}")
    if age is not None and limit is not None and age > limit and found.is_on(MARTS):
        line = f"the oldest mart was built {age // 60} min ago, the limit is {limit // 60} min"
        found.hands.append(f"{line} (MARTS_FRESHNESS_LIMIT_MINUTES): see the runs of {MARTS} in Airflow")


def _add_stream(settings: Settings, found: Health) -> None:
    found.topics = lags(settings)
    oldest = max((one.seconds or 0.0 for one in found.topics), default=0.0)
    if oldest > STUCK_SECONDS and found.is_on(STREAM):
        found.hands.append(f"an event has waited for {oldest:.0f} s: see the run of {STREAM} in Airflow")
    with closing(postgres.reader(settings).connect()) as connection, connection.cursor() as cursor:
        found.dead_letters = classes = dict(dead_letters.classes(cursor))
    if classes:
        count = sum(classes.values())
        found.notes.append(f"{count:,} dead letters: ops.dead_letters says why, `storeline redrive` sends them again")


def _add_changes(settings: Settings, found: Health) -> None:
    found.changes = one = lag(settings)
    if one is None or not found.is_on(CHANGES):
        return
    if (one.seconds or 0.0) > STUCK_SECONDS:
        found.hands.append(f"a change has waited for {one.seconds:.0f} s: see the run of {CHANGES} in Airflow")
