"""Make Airflow's administrator, or give the one that is there the password of the configuration.

Usage: python -m init_db.airflow_admin    (after `airflow db migrate`, with Airflow's environment)
"""

import sys

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers_manager import ProvidersManager

from storeline.settings import load
from storeline.variables import SettingsError


def main() -> None:
    """Create or update the administrator. Exits with one line when Airflow refuses."""
    try:
        settings = load()
        name, password = settings.airflow_admin_user, str(settings.airflow_admin_password)
    except SettingsError as error:
        sys.exit(f"airflow_admin: {error}")
    ProvidersManager().initialize_providers_configuration()  # type: ignore[no-untyped-call]
    with get_application_builder() as builder:
        manager = builder.sm
        user = manager.find_user(name)
        if user is None:
            role = manager.find_role("Admin")
            if not manager.add_user(name, name, "Storeline", f"{name}@storeline.invalid", role, password):
                sys.exit(f"airflow_admin: Airflow does not take the user {name}")
        elif not manager.check_password(name, password):
            manager.reset_password(user.id, password)
    print(f"airflow_admin: {name} is ready")


if __name__ == "__main__":
    main()
