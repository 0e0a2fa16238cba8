"""Create Airflow's administrator or update its password, and grant the columns that other roles read there.

Usage: python -m init_db.airflow_admin    (after `airflow db migrate`, with Airflow's environment)
"""

import sys
from contextlib import closing

import psycopg2
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers_manager import ProvidersManager
from psycopg2 import sql

from storeline import dag_states
from storeline.accounts import POSTGRES_GRAFANA, POSTGRES_READER
from storeline.errors import StorelineError, one_line
from storeline.settings import Settings, load
from storeline.stores import postgres


def main() -> None:
    """Create or update the administrator. Exits with one line when Airflow refuses."""
    try:
        settings = load()
        name, password = settings.airflow_admin_user, str(settings.airflow_admin_password)
    except StorelineError as error:
        sys.exit(f"airflow_admin: {error}")
    ProvidersManager().initialize_providers_configuration()  # type: ignore[no-untyped-call]
    with get_application_builder() as builder:
        manager = builder.sm
        user = manager.find_user(name)
        if user is None:
            role = manager.find_role("Admin")
            if not manager.add_user(name, name, "Storeline", f"{name}@storeline.invalid", role, password):
                sys.exit(f"airflow_admin: Airflow refused the user {name}")
        elif not manager.check_password(name, password):
            manager.reset_password(user.id, password)
    try:
        show_states(settings)
    except (StorelineError, psycopg2.Error) as error:
        sys.exit(f"airflow_admin: {one_line(error)}")
    print(f"airflow_admin: {name} is ready")


def show_states(settings: Settings) -> None:
    """Let `storeline lag` and Grafana read the states of DAGs. Raises PostgresError and psycopg2.Error."""
    may = {
        settings.user(POSTGRES_READER): dag_states.READABLE,
        settings.user(POSTGRES_GRAFANA): dag_states.SHOWN,
    }
    with closing(postgres.airflow(settings).connect()) as connection, connection, connection.cursor() as cursor:
        database = sql.Identifier(settings.postgres_airflow_db)
        for role, tables in may.items():
            reader = sql.Identifier(role)
            cursor.execute(sql.SQL("grant connect on database {} to {}").format(database, reader))
            for table, columns in tables.items():
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                cursor.execute(sql.SQL("grant select ({}) on {} to {}").format(names, sql.Identifier(table), reader))


if __name__ == "__main__":
    main()
