"""Airflow's tables by its own models, and a DAG in each state that the boards tell apart.

Usage: python -m tests.integration.airflow_tables    (with a stack's environment; Airflow reads its own when imported)
"""

import os
from contextlib import closing
from tempfile import TemporaryDirectory

from storeline import airflow_environment, postgres
from storeline.settings import load

DAGS = """
insert into dag_bundle (name, active) values ('tests', true) on conflict do nothing;
delete from dag_run;
delete from dag;
insert into dag (dag_id, bundle_name, is_paused, is_stale, timetable_type, max_active_tasks,
    max_consecutive_failed_dag_runs, has_task_concurrency_limits, exceeds_max_non_backfill)
values
    ('copies', 'tests', false, false, '', 1, 0, false, false),
    ('streams', 'tests', false, false, '', 1, 0, false, false),
    ('paused', 'tests', true, false, '', 1, 0, false, false),
    ('gone', 'tests', false, true, '', 1, 0, false, false);
insert into dag_run (dag_id, run_id, run_type, run_after, state, start_date, end_date, span_status, clear_number)
values
    ('copies', '1', 'manual', now(), 'failed', now() - interval '2 hours', now() - interval '119 minutes', '', 0),
    ('copies', '2', 'manual', now(), 'success', now() - interval '1 hour', now() - interval '59 minutes', '', 0),
    ('streams', '1', 'manual', now(), 'running', now() - interval '5 minutes', null, '', 0);
"""


def main() -> None:
    """Make the tables and the rows, and grant what the stack's start grants."""
    settings = load()
    with TemporaryDirectory() as home:
        os.environ |= airflow_environment.derived(settings) | {"AIRFLOW_HOME": home}
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from sqlalchemy import create_engine

        from init_db.airflow_admin import show_states

        import_all_models()
        Base.metadata.create_all(create_engine(airflow_environment.metadata_database(settings)))
        with closing(postgres.airflow(settings).connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(DAGS)
        show_states(settings)


if __name__ == "__main__":
    main()
