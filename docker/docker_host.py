"""`make doctor`'s checks of Docker on this machine: the engine, compose, and free ports."""

import re
import socket
import subprocess
from collections.abc import Mapping

from storeline.settings import LOOPBACK, Settings

ENGINE, COMPOSE = (20, 10), (2, 24)


def engine() -> list[str]:
    """Return what is missing or too old."""
    found = []
    for what, oldest, command in (
        ("the Docker engine", ENGINE, ("docker", "version", "--format", "{{.Server.Version}}")),
        ("docker compose", COMPOSE, ("docker", "compose", "version", "--short")),
    ):
        said = _ask(*command)
        version = re.match(r"v?(\d+)\.(\d+)", said)
        if not version:
            found.append(f"{what} does not answer: install and start it")
        elif (int(version[1]), int(version[2])) < oldest:
            found.append(f"{what} is {said}: {oldest[0]}.{oldest[1]} or later is needed")
    return found


def published(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return the address and port of each published port, by its variable."""
    own, closed = settings.bind_address, settings.bind_address_without_login
    wanted = {
        "AIRFLOW_PORT": (own, settings.airflow_port),
        "GRAFANA_PORT": (own, settings.grafana_port),
        "NOTEBOOK_PORT": (own, settings.notebook_port),
        "SPARK_MASTER_UI_PORT": (closed, settings.spark_master_ui_port),
        "SPARK_HISTORY_PORT": (closed, settings.spark_history_port),
    }
    if settings.postgres_host in LOOPBACK:
        wanted["POSTGRES_PORT"] = (own, settings.postgres_port)
    if settings.mysql_host in LOOPBACK:
        wanted["MYSQL_PORT"] = (own, settings.mysql_port)
    if settings.clickhouse_host in LOOPBACK:
        wanted["CLICKHOUSE_PORT"] = (own, settings.clickhouse_port)
    if settings.kafka_host in LOOPBACK:
        wanted["KAFKA_PORT"] = (closed, settings.kafka_port)
    return wanted


def ports(settings: Settings) -> list[str]:
    """Return a line for each port that is taken or assigned twice."""
    return port_problems(published(settings), set(map(int, re.findall(r":(\d+)->", _ask(*OURS)))))


OURS = ("docker", "ps", "--filter", "label=com.docker.compose.project=storeline", "--format", "{{.Ports}}")


def port_problems(wanted: Mapping[str, tuple[str, int]], ours: set[int]) -> list[str]:
    """Return the lines; ports held by our own containers are fine."""
    found, names = [], list(wanted)
    for position, name in enumerate(names):
        address, number = wanted[name]
        twin = next((other for other in names[:position] if wanted[other][1] == number), None)
        if twin:
            found.append(f"port {number} ({name}) is {twin} as well: set another one in .env.local")
        elif number not in ours and is_taken(address, number):
            found.append(f"port {number} ({name}) is taken by another program: stop it or set {name} in .env.local")
    return found


def is_taken(address: str, number: int) -> bool:
    """Tell whether the port has a listener."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
        except PermissionError:
            return False
        except OSError:
            return True
    return False


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
