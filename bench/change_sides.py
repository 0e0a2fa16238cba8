"""The stream of changes and its rival over one shop, each with a worker of its own and a database of MySQL's.

A side that is stopped takes nothing from the other but the log that PostgreSQL keeps for its slot.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil  # type: ignore[import-untyped]

from bench.copy import versions as servers
from bench.rivals.sink_worker import PLUGIN, JdbcSink
from bench.side import end, messages
from bench.stack import job_environment, submission, submit
from native.places import CONNECT, KAFKA
from native.stack import Stack
from storeline.stores import mysql
from storeline.tables import TABLES
from storeline.topics import CHANGES

SERVICES = ("postgres", "mysql", "kafka", "spark")


class Stream:
    """The product: Kafka Connect with its connector, and the job `stream_changes` on the cluster."""

    name, database = "stream", "replica"

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.log = stack.home / "stream_changes.log"
        self.process: subprocess.Popen[bytes] | None = None

    def capture(self) -> None:
        """Start Kafka Connect; its connector is registered."""
        self.stack.start(("connect",))

    def apply(self) -> None:
        """Submit the job."""
        cores = self.stack.settings.spark_stream_cores
        command = submission(self.stack, "spark_jobs/stream_changes.py", cores=cores)
        with self.log.open("w") as log:
            environment = job_environment(self.stack)
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def pause(self) -> None:
        """End the job, and wait for its Python process too: it would apply what comes while the next job starts."""
        if self.process is not None:
            drivers = psutil.Process(self.process.pid).children(recursive=True)
            end(self.process)
            psutil.wait_procs(drivers)
        self.process = None

    def stop(self) -> None:
        """Stop Kafka Connect."""
        self.stack.stop(("connect",))

    def check(self) -> None:
        """Raise SystemExit when the job has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise SystemExit(f"bench.changes: stream_changes ended early, see {self.log}")

    def captured(self) -> int:
        """Return how many messages the topic has, markers and heartbeats included."""
        return messages(self.stack.settings, [CHANGES.name])


@contextmanager
def sides(stack: Stack) -> Iterator[tuple[Stream, JdbcSink]]:
    """Fill the shop, let both capture, copy it to both databases; yield the sides, stopped."""
    stack.run("generators.shop", "--replace")
    stream, rival = Stream(stack), JdbcSink(stack)
    try:
        for side in (stream, rival):
            side.capture()
            side.stop()
        submit(stack, "spark_jobs/replicate.py")
        copy_again(stack, stream.database, rival.database)
        yield stream, rival
    finally:
        stream.pause()
        rival.stop()


def copy_again(stack: Stack, database: str, other: str) -> None:
    """Copy a database of the shop's tables, with the same keys and indexes."""
    with closing(mysql.admin(stack.settings).connect()) as connection:
        mysql.do(connection, f"create database {other} character set utf8mb4 collate utf8mb4_0900_bin")
        for table in TABLES:
            mysql.do(connection, f"create table {other}.{table.name} like {database}.{table.name}")
            mysql.do(connection, f"insert into {other}.{table.name} select * from {database}.{table.name}")


def versions(stack: Stack) -> dict[str, str]:
    """Return the versions of the servers, of Debezium and of its sink."""
    jars = {"kafka-server": KAFKA, "debezium-connector-postgres": CONNECT, "debezium-connector-jdbc": PLUGIN}
    found = {name: next(folder.glob(f"{name}-[0-9]*.jar")).stem for name, folder in jars.items()}
    return servers(stack) | {name: stem.removeprefix(f"{name}-") for name, stem in found.items()}
