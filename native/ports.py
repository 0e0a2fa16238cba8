"""The ports that the stack listens on, and whether they are taken."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

from native.process import is_ours
from storeline.settings import Settings


def wanted_ports(settings: Settings) -> dict[str, int]:
    """Return the port of each service of the stack, by its variable; not of services that the user runs."""
    master = urlsplit(settings.spark_master_url)
    wanted: dict[str, int | None] = {
        "POSTGRES_PORT": settings.postgres_port if is_ours(settings.postgres_host) else None,
        "MYSQL_PORT": settings.mysql_port if is_ours(settings.mysql_host) else None,
        # The stack does not listen there: any other listener would be mistaken for the user's own ClickHouse.
        "CLICKHOUSE_PORT": settings.clickhouse_port if is_ours(settings.clickhouse_host) else None,
        "KAFKA_PORT": settings.kafka_port if is_ours(settings.kafka_host) else None,
        "KAFKA_CONTROLLER_PORT": settings.kafka_controller_port if is_ours(settings.kafka_host) else None,
        "AIRFLOW_PORT": settings.airflow_port,
    }
    if is_ours(master.hostname):
        wanted |= {
            "SPARK_MASTER_URL": master.port or 7077,
            "SPARK_MASTER_UI_PORT": settings.spark_master_ui_port,
            "SPARK_WORKER_UI_PORT": settings.spark_worker_ui_port,
            "SPARK_HISTORY_PORT": settings.spark_history_port,
        }
    return {name: port for name, port in wanted.items() if port}


def port_problems(wanted: dict[str, int]) -> list[str]:
    """Return a line for each port that is taken or assigned twice."""
    found = []
    for name, port in wanted.items():
        twin = next((other for other, number in wanted.items() if number == port and other != name), None)
        if twin and list(wanted).index(twin) < list(wanted).index(name):
            found.append(f"port {port} ({name}) is {twin} as well: set another one in .env.local")
        elif is_taken(port):
            found.append(f"port {port} ({name}) is taken by another program: stop it or set {name} in .env.local")
    return found


def is_taken(port: int) -> bool:
    """Tell whether a port of this machine has a listener."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return False
        except OSError:
            return True
    return False


def answers(path: Path) -> bool:
    """Tell whether a Unix socket has a listener."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
