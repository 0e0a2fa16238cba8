"""A test's own stack: free ports and a new folder, never the demo's."""

import atexit
import os
import random
import shutil
import socket
import tempfile
from contextlib import suppress

from storeline import ports
from storeline.settings import Settings, load

# ClickHouse's has none: no program listens there, so ClickHouse is the engine in the folder.
PORTS = [name for name in ports.names(ports.NATIVE) if name != "CLICKHOUSE_PORT"]
# Below Linux's ephemeral ports (32768 and above): otherwise a killed server could find its port taken by an outgoing
# connection when it restarts, even by that of a client waiting for it.
LOWEST, PORTS_OF_ONE = 20000, 2000
# For a Kafka that lives for minutes and does little: Java's other compiler costs more than it saves.
QUICK_KAFKA = {"KAFKA_OPTS": "-XX:TieredStopAtLevel=1"}


def free_ports(count: int) -> list[int]:
    """Return ports without listeners, from a range that is this process's own when tests run in parallel."""
    lowest = LOWEST + PORTS_OF_ONE * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    found: list[int] = []
    for port in random.sample(range(lowest, lowest + PORTS_OF_ONE), PORTS_OF_ONE):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"fewer than {count} of the ports {lowest} to {lowest + PORTS_OF_ONE - 1} are free")


def with_free_ports(**values: str) -> Settings:
    """Return the defaults of `.env` with the tests' own ports and folders, which are deleted at the end."""
    *ports, master = free_ports(len(PORTS) + 1)
    own = {name: str(port) for name, port in zip(PORTS, ports, strict=True)}
    folder = tempfile.mkdtemp(prefix="storeline-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # A port without a listener, so ClickHouse is the engine in the folder.
    own |= {"CLICKHOUSE_PORT": "1"}
    own |= {"CLICKHOUSE_FOLDER": f"{folder}/clickhouse", "SALES_STORAGE": f"{folder}/sales"}
    own |= {"SPARK_MASTER_URL": f"spark://127.0.0.1:{master}", "SHOP_UNTIL": "2026-11-22T00:00:00Z"}
    return Settings({**load(environment={}).values, **own, **values})
