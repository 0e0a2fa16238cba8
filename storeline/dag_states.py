"""What Airflow's database says of the DAGs, for those who ask how far the data is: which is paused, which is red."""

from contextlib import closing

import psycopg2

from storeline import postgres
from storeline.settings import Settings

# The columns that the reader of the shop may see there, and nothing more; `init_db/airflow_admin.py` grants them.
READABLE = {
    "dag": ("dag_id", "is_paused", "is_stale"),
    "dag_run": ("dag_id", "run_id", "state", "end_date"),
    "task_instance": ("dag_id", "run_id", "task_id", "state", "try_number"),
}
# What Grafana's boards may see. No view: Airflow's migrations could not change a column that one is made of.
SHOWN = {
    "dag": ("dag_id", "is_paused", "is_stale"),
    "dag_run": ("dag_id", "state", "start_date", "end_date"),
}
STATES = """select
    d.dag_id, d.is_paused, e.state = 'failed', to_char(e.end_date at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    r.task_id, r.try_number
from dag as d
left join lateral (
    select state, end_date from dag_run where dag_id = d.dag_id and state in ('success', 'failed')
    order by end_date desc nulls last limit 1
) as e on true
left join lateral (
    select i.task_id, i.try_number from task_instance as i join dag_run using (dag_id, run_id)
    where i.dag_id = d.dag_id and i.state = 'up_for_retry' and dag_run.state = 'running' limit 1
) as r on true
where not d.is_stale order by 1"""


def lines(settings: Settings) -> list[str]:
    """Return a line for each DAG that is paused, red, or tried again; one that says so where Airflow is not there."""
    login = postgres.reader(settings, settings.postgres_airflow_db)
    try:
        with closing(login.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(STATES)
            found = cursor.fetchall()
    except (postgres.PostgresError, psycopg2.Error) as error:
        return [f"what Airflow does is not known: {postgres.one_line(error)}"]
    said = []
    for dag, is_paused, is_red, ended_at, task, attempt in found:
        if is_paused:
            said.append(f"{dag} is paused")
        if is_red:
            said.append(f"{dag}: its last run failed, {ended_at} UTC")
        if task:
            said.append(f"{dag}: attempt {attempt} of {task} failed, it is tried again")
    return said
