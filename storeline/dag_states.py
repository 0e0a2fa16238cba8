"""What Airflow's database says about the DAGs and Airflow's components, for reports on how far the data is."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from storeline.settings import Settings
from storeline.stores import postgres

# The only columns that the shop's reader may see there; `init_db/airflow_admin.py` grants them.
READABLE = {
    "dag": ("dag_id", "is_paused", "is_stale"),
    "dag_run": ("dag_id", "run_id", "state", "start_date", "end_date"),
    "task_instance": ("dag_id", "run_id", "task_id", "state", "try_number"),
    "job": ("job_type", "state", "latest_heartbeat"),
}
# What Grafana's boards may see. Not a view: Airflow's migrations could not alter a column that a view uses.
SHOWN = {
    "dag": ("dag_id", "is_paused", "is_stale"),
    "dag_run": ("dag_id", "state", "start_date", "end_date"),
}
STATES = """select
    d.dag_id, d.is_paused, e.state, e.end_date, g.start_date, r.task_id, r.try_number
from dag as d
left join lateral (
    select state, end_date from dag_run where dag_id = d.dag_id and state in ('success', 'failed')
    order by end_date desc nulls last limit 1
) as e on true
left join lateral (
    select start_date from dag_run where dag_id = d.dag_id and state = 'running' order by start_date limit 1
) as g on true
left join lateral (
    select i.task_id, i.try_number from task_instance as i join dag_run using (dag_id, run_id)
    where i.dag_id = d.dag_id and i.state = 'up_for_retry' and dag_run.state = 'running' limit 1
) as r on true
where not d.is_stale order by 1"""
# Each component writes its heartbeat every few seconds; one that has ended keeps its last row.
HEARTBEATS = """select job_type, extract(epoch from now() - max(latest_heartbeat))::float
from job where job_type in ('SchedulerJob', 'DagProcessorJob', 'TriggererJob') group by 1 order by 1"""


CHANGES = "postgres_to_mysql_streaming"


@dataclass(frozen=True)
class DagState:
    """A DAG: whether it is paused, how its last run ended, when a run in progress began, and which task is retried."""

    dag: str
    is_paused: bool
    ended: str | None  # success or failed
    ended_at: datetime | None
    running_since: datetime | None
    retried_task: str | None
    attempt: int | None

    def pause(self, is_captured: bool) -> str:
        """Return that it is paused, or nothing; where no changes are captured, their stream may well be."""
        is_meant = self.dag == CHANGES and not is_captured
        return f"{self.dag} is paused" if self.is_paused and not is_meant else ""

    @property
    def failure(self) -> str:
        """Return that its last run failed, and when, or nothing."""
        when = f", {self.ended_at:%Y-%m-%d %H:%M:%S} UTC" if self.ended_at else ""
        return f"{self.dag}: its last run failed{when}" if self.ended == "failed" else ""

    @property
    def retry(self) -> str:
        """Return which task is being retried, or nothing."""
        said = f"{self.dag}: attempt {self.attempt} of {self.retried_task} failed, it is being retried"
        return said if self.retried_task else ""

    def lines(self, is_captured: bool) -> list[str]:
        """Return a line for each thing that holds up new data: paused, failed, being retried."""
        return [line for line in (self.pause(is_captured), self.failure, self.retry) if line]


def states(settings: Settings) -> list[DagState]:
    """Return the state of each DAG. Raises PostgresError, psycopg2.Error if Airflow's database cannot be reached."""
    with closing(_login(settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(STATES)
        return [DagState(*row) for row in cursor.fetchall()]


def heartbeats(settings: Settings) -> dict[str, float]:
    """Return the seconds since the last heartbeat of each Airflow component. Raises like `states`."""
    with closing(_login(settings).connect()) as connection, connection.cursor() as cursor:
        return _heartbeats(cursor)


def _heartbeats(cursor: Cursor) -> dict[str, float]:
    cursor.execute(HEARTBEATS)
    return {part.removesuffix("Job"): float(seconds) for part, seconds in cursor.fetchall()}


def _login(settings: Settings) -> postgres.Login:
    return postgres.reader(settings, settings.postgres_airflow_db)
