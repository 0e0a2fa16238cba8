"""A stack: the services of one folder, to start, stop and inspect."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from native import airflow, connect, kafka, live_shop, members, mysql, postgres, producers, spark, supervision
from native.places import sockets
from native.process import Service, base_environment, environment, is_ours
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings

SERVICES = ("postgres", "mysql", "clickhouse", "kafka", "spark", "producers", "airflow")
# Started only when asked for by name: one changes the shop all the time, the other needs memory.
ON_REQUEST = ("live-shop", "connect")
# They start after the databases have their schemas and Kafka its topics.
LATER = ("producers", "airflow", *ON_REQUEST)
# ClickHouse's engine runs inside the processes that query it, so it has a schema but no process.
STRUCTURED = ("postgres", "mysql", "clickhouse", "kafka")
# What is set up once a service answers: Connect gets its connector.
AFTERWARDS = {"connect": "changes"}
DECLARED: dict[str, Callable[[Settings, Path], Service]] = {
    "postgres": postgres.service,
    "mysql": mysql.service,
    "kafka": kafka.service,
    "connect": connect.service,
    "spark": spark.service,
    "producers": producers.service,
    "live-shop": live_shop.service,
    "airflow": airflow.service,
}


@dataclass(frozen=True)
class Status:
    """A process as the supervisor reports it; `pid` is 0 when it is not running, `description` includes the uptime."""

    name: str
    pid: int
    state: str
    description: str


@dataclass(frozen=True)
class Stack:
    """The services of one folder. As a context manager it starts `services` and kills everything on exit."""

    home: Path
    settings: Settings
    services: Sequence[str] = SERVICES

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            members.kill(self.home)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        members.kill(self.home)

    def is_native(self, service: str) -> bool:
        """Tell whether a service belongs to the stack; the user runs those at other addresses."""
        hosts = {
            "postgres": self.settings.postgres_host,
            "mysql": self.settings.mysql_host,
            "kafka": self.settings.kafka_host,
            "connect": self.settings.connect_host,
            "spark": urlsplit(self.settings.spark_master_url).hostname,
        }
        return is_ours(hosts.get(service, "localhost"))

    def environment(self) -> dict[str, str]:
        """Return the environment in which a job or a module of the repository uses this stack."""
        return base_environment() | environment(self.settings) | spark.environment(self.settings, self.home)

    def start(self, services: Iterable[str] | None = None) -> None:
        """Start services and wait until they answer; create the databases' schemas and Kafka's topics.

        Raises StorelineError.

        Running services are left alone, unless the configuration has changed: then all are restarted.
        """
        declared = {name: make(self.settings, self.home) for name, make in DECLARED.items() if self.is_native(name)}
        wanted = supervision.files(self.home, list(declared.values()))
        with supervision.supervisor_of(self.home) as supervisor:
            is_up = supervisor is not None
        if not (is_up and supervision.is_current(wanted)):
            self.stop()
            supervision.launch(self.home, wanted)
        asked = [name for name in (*SERVICES, *ON_REQUEST) if name in (self.services if services is None else services)]
        # Airflow takes longest to start and needs PostgreSQL alone, so the other servers start next to it.
        self._bring_up(declared, [name for name in asked if name == "postgres"])
        others = [name for name in asked if name not in ("postgres", "airflow")]
        with ThreadPoolExecutor() as pool:
            started = [pool.submit(self._bring_up, declared, [name for name in asked if name == "airflow"])]
            started.append(pool.submit(self._bring_up, declared, others))
        for one in started:
            one.result()

    def _bring_up(self, declared: dict[str, Service], names: list[str]) -> None:
        """Start servers, give them their structure, then start what uses it."""
        ours = [name for name in names if name in declared]
        self._run([declared[name] for name in ours if name not in LATER])
        self._make_structure([name for name in names if name in STRUCTURED])
        self._run([declared[name] for name in ours if name in LATER])
        for name in names:
            if name in AFTERWARDS:
                print(self.run("init_db.run", AFTERWARDS[name]), end="", flush=True)

    def stop(self, services: Iterable[str] = ()) -> None:
        """End every process of the stack, or those of some services; keep its data."""
        if not services:
            members.end(self.home)
            return
        with supervision.supervisor_of(self.home) as supervisor:
            for service in services if supervisor else ():
                supervisor.stopProcessGroup(service)

    def status(self) -> list[Status]:
        """Return the state of every process; empty when the stack is not running."""
        with supervision.supervisor_of(self.home) as supervisor:
            found = supervisor.getAllProcessInfo() if supervisor else []
        return [Status(one["name"], one["pid"], one["statename"], one["description"]) for one in found]

    def delete(self) -> None:
        """Stop the stack and delete its folder, data included."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        if sockets(self.home) != self.home:
            shutil.rmtree(sockets(self.home), ignore_errors=True)

    def run(self, *module: str) -> str:
        """Run a Python module of the repository against this stack; return what it printed.

        Raises StorelineError with its last line.
        """
        command = (sys.executable, "-m", *module)
        done = subprocess.run(command, env=self.environment(), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
            raise StorelineError(lines[-1])
        return done.stdout

    def _make_structure(self, servers: list[str]) -> None:
        if servers:
            self.run("init_db.run", *servers)

    def _run(self, services: list[Service]) -> None:
        """Start services concurrently and wait for each."""
        if not services:
            return
        begin = time.monotonic()
        first_seen: dict[str, int] = {}
        with supervision.supervisor_of(self.home) as supervisor:
            running = {one["name"] for one in supervisor.getAllProcessInfo() if one["pid"]}
            # Each creates its data folder, which is mostly disk or single-core time.
            fresh = [service for service in services if not any(one.name in running for one in service.processes)]
            with ThreadPoolExecutor(len(SERVICES)) as pool:
                list(pool.map(lambda service: service.prepare(), fresh))
            for service in services:
                if any(process.name not in running for process in service.processes):
                    supervisor.startProcessGroup(service.name, False)
            waiting = {service.name: service for service in services}
            while waiting:
                for service in list(waiting.values()):
                    self._check(supervisor, service, first_seen, running)
                    missing = service.missing()
                    if missing is None:
                        del waiting[service.name]
                    elif time.monotonic() - begin > service.seconds_to_start:
                        raise StorelineError(f"{missing} after {service.seconds_to_start} s; see {self.home / 'logs'}")
                time.sleep(0.2 if waiting else 0)

    def _check(self, supervisor: Any, service: Service, first_seen: dict[str, int], running: set[str]) -> None:
        """Raise StorelineError when a process has ended during the wait.

        One that ran before may just have died, and is being started again.
        """
        for process in service.processes:
            info = supervisor.getProcessInfo(f"{service.name}:{process.name}")
            has_ended = info["statename"] in ("BACKOFF", "FATAL", "EXITED", "STOPPED")
            if process.name in running and info["statename"] in ("EXITED", "STARTING", "RUNNING"):
                continue
            if has_ended or (info["pid"] and first_seen.setdefault(process.name, info["pid"]) != info["pid"]):
                log = supervision.log_of(self.home, process.name)
                lines = log.read_text(errors="replace").splitlines() if log.exists() else []
                errors = [line for line in lines[-200:] if "ERROR" in line or "FATAL" in line or "Exception" in line]
                reason = (errors or lines or ["it printed nothing"])[-1].strip()
                raise StorelineError(f"{process.name} does not start: {reason} (see {log})")
