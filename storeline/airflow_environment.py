"""Variables for Airflow's processes, derived from the one configuration."""

import json
from collections.abc import Callable
from urllib.parse import quote

from storeline.accounts import POSTGRES_AIRFLOW
from storeline.settings import Settings


def metadata_database(settings: Settings) -> str:
    """Return the URL of Airflow's own database; names and password may contain any character."""
    user, password = (quote(str(read(POSTGRES_AIRFLOW)), "") for read in (settings.user, settings.password))
    server = f"{settings.postgres_host}:{settings.postgres_port}/{quote(settings.postgres_airflow_db, '')}"
    return f"postgresql+psycopg2://{user}:{password}@{server}"


def spark_connection(settings: Settings) -> str:
    """Return the Spark cluster as an Airflow connection; Airflow's operator joins host and port itself."""
    scheme, _, rest = settings.spark_master_url.partition("://")
    host, _, port = rest.rpartition(":")
    if not host:
        return json.dumps({"conn_type": "spark", "host": settings.spark_master_url})
    return json.dumps({"conn_type": "spark", "host": f"{scheme}://{host}", "port": int(port)})


# Airflow's variable, the setting without which it is omitted, and how it is made.
DERIVED: dict[str, tuple[str, Callable[[Settings], str]]] = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": ("POSTGRES_AIRFLOW_PASSWORD", metadata_database),
    "AIRFLOW__API__SECRET_KEY": ("AIRFLOW_API_SECRET_KEY", lambda s: str(s.airflow_api_secret_key)),
    "AIRFLOW__API_AUTH__JWT_SECRET": ("AIRFLOW_JWT_SECRET", lambda s: str(s.airflow_jwt_secret)),
    "AIRFLOW__CORE__FERNET_KEY": ("AIRFLOW_FERNET_KEY", lambda s: str(s.airflow_fernet_key)),
    "AIRFLOW_CONN_SPARK_DEFAULT": ("SPARK_MASTER_URL", spark_connection),
}


def derived(settings: Settings) -> dict[str, str]:
    """Return Airflow's variables; omit those that need a setting which this process does not have."""
    return {name: make(settings) for name, (needed, make) in DERIVED.items() if needed in settings.values}
