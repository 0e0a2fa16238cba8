"""Where a test's own stack listens: free ports, never the demo's."""

import socket

from storeline.settings import Settings, load

PORTS = (
    "POSTGRES_PORT",
    "MYSQL_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "AIRFLOW_PORT",
    "SPARK_MASTER_UI_PORT",
    "SPARK_WORKER_UI_PORT",
    "SPARK_HISTORY_PORT",
)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; all are held until the last is found, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def with_free_ports(**values: str) -> Settings:
    """Return the defaults of `.env` with ports of the tests' own."""
    *ports, master = free_ports(len(PORTS) + 1)
    own = {name: str(port) for name, port in zip(PORTS, ports, strict=True)}
    own |= {"SPARK_MASTER_URL": f"spark://127.0.0.1:{master}", "SHOP_UNTIL": "2026-11-22T00:00:00Z"}
    return Settings({**load(environment={}).values, **own, **values})
