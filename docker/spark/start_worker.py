"""Start a Spark worker that binds to and advertises the address on which this container reaches the master.

A container is in several networks, but Spark binds to one address; the replicas of a service share their names, so
only the address distinguishes workers.

Usage: python start_worker.py spark://HOST:PORT
"""

import os
import socket
import sys
import time
from urllib.parse import urlsplit


def address_towards(host: str, port: int) -> str:
    """Return the local address used to reach another machine; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, port))
        return str(probe.getsockname()[0])


def main(master: str) -> None:
    """Wait until the master's name resolves, then start the worker."""
    url = urlsplit(master)
    for _ in range(60):
        try:
            address = address_towards(url.hostname or "", url.port or 7077)
            break
        except OSError:
            time.sleep(1)
    else:
        sys.exit(f"start_worker: {url.hostname} does not resolve in this network")
    words = ("org.apache.spark.deploy.worker.Worker", "--host", address, "--webui-port", "8081")
    folder = os.path.join(os.environ["SPARK_LOCAL_DIRS"], "work")
    os.execvp("spark-class", ("spark-class", *words, "--work-dir", folder, master))  # nosec B606, B607


if __name__ == "__main__":
    main(sys.argv[1])
