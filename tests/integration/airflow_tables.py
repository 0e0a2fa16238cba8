"""Airflow's tables created by its own models, and a DAG in each state that the boards distinguish.

Usage: python -m tests.integration.airflow_tables    (with a stack's environment; Airflow reads its own on import)
"""

import os
from contextlib import closing
from tempfile import TemporaryDirectory

from storeline import airflow_environment
from storeline.settings import load
from storeline.stores import postgres

STATES = {"copies": (False, False), "streams": (False, False), "paused": (True, False), "gone": (False, True)}
RUNS = """
insert into dag_run (dag_id, run_id, run_type, run_after, state, start_date, end_date, span_status, clear_number)
values
    ('copies', '1', 'manual', now(), 'failed', now() - interval '2 hours', now() - interval '119 minutes', '', 0),
    ('copies', '2', 'manual', now(), 'success', now() - interval '1 hour', now() - interval '59 minutes', '', 0),
    ('streams', '1', 'manual', now(), 'running', now() - interval '5 minutes', null, '', 0);
"""


def main() -> None:
    """Create the tables and the rows, and grant what the stack's start grants."""
    settings = load()
    with TemporaryDirectory() as home:
        os.environ |= airflow_environment.derived(settings) | {"AIRFLOW_HOME": home}
        from airflow.models import import_all_models
        from airflow.models.base import Base
        from airflow.models.dag import DagModel
        from airflow.models.dagbundle import DagBundleModel
        from sqlalchemy import create_engine
        from sqlalchemy.orm import Session

        from init_db.airflow_admin import show_states

        import_all_models()
        engine = create_engine(airflow_environment.metadata_database(settings))
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(DagBundleModel(name="tests"))
            session.flush()
            for name, (is_paused, is_stale) in STATES.items():
                session.add(DagModel(dag_id=name, bundle_name="tests", is_paused=is_paused, is_stale=is_stale))
            session.commit()
        with closing(postgres.airflow(settings).connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(RUNS)
        show_states(settings)


if __name__ == "__main__":
    main()
