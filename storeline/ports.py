"""The platform's ports, each declared once: which kinds of stack listen on it, and whether it is free."""

import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from storeline.loopback import LOOPBACK
from storeline.settings import Settings

NATIVE, CONTAINERS = "native", "containers"


@dataclass(frozen=True)
class Port:
    """A port. With `host`, its host's setting, it is the platform's own only while that names this machine."""

    variable: str
    host: str = ""
    has_login: bool = True
    ways: tuple[str, ...] = (NATIVE, CONTAINERS)

    def is_ours(self, settings: Settings) -> bool:
        """Tell whether the platform listens there, not a server of the user's."""
        return not self.host or settings.values[self.host] in LOOPBACK


PORTS = (
    Port("POSTGRES_PORT", "POSTGRES_HOST"),
    Port("MYSQL_PORT", "MYSQL_HOST"),
    # Natively nothing listens there: any other listener would be mistaken for the user's own ClickHouse.
    Port("CLICKHOUSE_PORT", "CLICKHOUSE_HOST"),
    Port("KAFKA_PORT", "KAFKA_HOST", has_login=False),
    Port("KAFKA_CONTROLLER_PORT", "KAFKA_HOST", ways=(NATIVE,)),
    Port("CONNECT_PORT", "CONNECT_HOST", has_login=False, ways=(NATIVE,)),
    Port("AIRFLOW_PORT"),
    Port("GRAFANA_PORT", ways=(CONTAINERS,)),
    Port("NOTEBOOK_PORT", ways=(CONTAINERS,)),
    Port("SPARK_MASTER_UI_PORT", has_login=False),
    Port("SPARK_WORKER_UI_PORT", has_login=False, ways=(NATIVE,)),
    Port("SPARK_HISTORY_PORT", has_login=False),
)
SPARK = "SPARK_"


def names(way: str) -> list[str]:
    """Return the variables of the ports that one kind of stack listens on."""
    return [port.variable for port in PORTS if way in port.ways]


def native(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return the address and port of everything that the native stack listens on, by variable."""
    master = urlsplit(settings.spark_master_url)
    has_spark = master.hostname in LOOPBACK
    found = {
        port.variable: ("127.0.0.1", int(settings.values[port.variable]))
        for port in PORTS
        if NATIVE in port.ways and port.is_ours(settings) and (has_spark or not port.variable.startswith(SPARK))
    }
    return found | ({"SPARK_MASTER_URL": ("127.0.0.1", master.port or 7077)} if has_spark else {})


def published(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return the address and port of everything that the containers publish, by variable."""
    addresses = {True: settings.bind_address, False: settings.bind_address_without_login}
    return {
        port.variable: (addresses[port.has_login], int(settings.values[port.variable]))
        for port in PORTS
        if CONTAINERS in port.ways and port.is_ours(settings)
    }


def problems(wanted: Mapping[str, tuple[str, int]], ours: Collection[int] = ()) -> list[str]:
    """Return a line for each port that is taken, unless it is one of `ours`, or that is assigned twice."""
    found, seen = [], dict[int, str]()
    for name, (address, number) in wanted.items():
        if number in seen:
            found.append(f"port {number} ({name}) is {seen[number]} as well: set another one in .env.local")
        elif number not in ours and is_taken(address, number):
            found.append(f"port {number} ({name}) is taken by another program: stop it or set {name} in .env.local")
        seen.setdefault(number, name)
    return found


def is_taken(address: str, number: int) -> bool:
    """Tell whether a program listens there."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, number))
        except PermissionError:
            return False
        except OSError:
            return True
    return False
