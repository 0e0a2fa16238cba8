"""The rival `debezium-jdbc-sink` at work: a worker of Kafka Connect beside the stack, with both of its connectors."""

import subprocess
import time
from contextlib import suppress
from pathlib import Path

from bench.rivals import jdbc_sink
from bench.side import end, messages
from bench.stack import HOME
from init_db.changes import wait
from native.install import copy_jars
from native.places import make_private, write_private
from native.stack import Stack
from storeline.settings import ROOT, Settings
from storeline.stores import connect
from tests.stacks import free_ports

PLUGINS = HOME / "sink"
PLUGIN = PLUGINS / "debezium-connector-jdbc"
SECONDS_TO_START = 60


class JdbcSink:
    """The rival: a worker beside the stack with both of its connectors."""

    name, database = jdbc_sink.NAME, jdbc_sink.DATABASE

    def __init__(self, stack: Stack) -> None:
        """Download the plugin and write the worker's options."""
        PLUGINS.mkdir(parents=True, exist_ok=True)
        copy_jars(ROOT / "bench" / "sink_jars", PLUGIN)
        self.stack = stack
        self.folder = make_private(stack.home / "rival_connect")
        self.settings = Settings({**stack.settings.values, "CONNECT_PORT": str(free_ports(1)[0])})
        write_private(self.options, jdbc_sink.worker_options(self.settings, str(PLUGINS)))
        jdbc_sink.make_topics(stack.settings)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> Path:
        """Return the worker's file of options."""
        return self.folder / "connect.properties"

    def capture(self) -> None:
        """Start the worker with its source connector."""
        if self.process is None:
            with (self.folder / "connect.log").open("a") as log:
                command, environment = jdbc_sink.command(str(self.options)), self.stack.environment()
                self.process = subprocess.Popen(
                    command, env=environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
                )
            self._wait_for_worker()
        connect.configure(self.settings, jdbc_sink.SOURCE, jdbc_sink.source(self.settings))
        wait(self.settings, jdbc_sink.SOURCE)

    def apply(self) -> None:
        """Start the sink; it goes on from what its consumer group has stored."""
        connect.configure(self.settings, jdbc_sink.SINK, jdbc_sink.sink(self.settings))
        wait(self.settings, jdbc_sink.SINK)

    def pause(self) -> None:
        """Delete the sink; its consumer group's offsets stay."""
        if self.process is not None:
            connect.delete(self.settings, jdbc_sink.SINK)

    def stop(self) -> None:
        """End the worker."""
        if self.process is not None:
            end(self.process)
        self.process = None

    def check(self) -> None:
        """Raise SystemExit when a connector has failed."""
        for name in (jdbc_sink.SOURCE, jdbc_sink.SINK):
            for state, trace in connect.states(self.settings, name):
                if state == "FAILED":
                    raise SystemExit(f"bench.changes: {name} failed, see {self.folder / 'connect.log'}: {trace[-500:]}")

    def captured(self) -> int:
        """Return how many messages the topics have."""
        return messages(self.stack.settings, jdbc_sink.TOPICS)

    def _wait_for_worker(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            with suppress(connect.ConnectError):
                connect.check(self.settings)
                return
            time.sleep(0.2)
        raise SystemExit(f"bench.changes: the rival's worker does not start, see {self.folder / 'connect.log'}")
