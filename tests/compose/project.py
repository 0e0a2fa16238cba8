"""The compose file as a project of the tests' own: its name, its ports, secrets that nothing else holds."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from docker.make_secrets import random_values
from storeline import ports
from storeline.settings import ROOT, Settings, load
from tests.stacks import free_ports

NAME = "storeline-test"
PORTS = ports.names(ports.CONTAINERS)
# What a person's password may hold, too; MySQL's first start takes less (docker/preflight.py).
AWKWARD = '"\\d$e%f #g'
AWKWARD_FOR_MYSQL = "$e%f #g"
# A service, and the host and port that it may or may not reach.
Way = tuple[str, str, int]
# All at once, because a name that is not known there takes seconds.
PROBE = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def is_open(address):
    host, port = address.split()
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        return False
    return True

with ThreadPoolExecutor() as pool:
    print(*(address for address, opens in zip(sys.argv[1:], pool.map(is_open, sys.argv[1:])) if opens), sep="\\n")
"""
ONE_SHOTS = {"preflight", "kafka-topics", "init-db", "clickhouse-tables", "generator", "airflow-init", "connector"}


def awkward(name: str) -> str:
    """Return the signs that a secret ends with."""
    return {"AIRFLOW_FERNET_KEY": "", "MYSQL_ADMIN_PASSWORD": AWKWARD_FOR_MYSQL}.get(name, AWKWARD)


def copied_checkout(folder: Path) -> Path:
    """Return a copy of the checkout as a clone under umask 077 has it: only its owner may read a file."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    folder.mkdir(mode=0o700)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            for part in reversed((folder / name).parents):
                part.mkdir(mode=0o700, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            (folder / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    return folder


def written(folder: Path, values: dict[str, str]) -> Path:
    """Write values into a file as `.env.local` would hold them."""
    file = folder / "env"
    file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
    return file


@dataclass(frozen=True)
class Project:
    """A running deployment. Every command raises CalledProcessError, with what was said, unless it is told not to."""

    file: Path
    values: dict[str, str]
    name: str = NAME
    root: Path = ROOT  # the repository whose compose file it is

    @classmethod
    def new(cls, folder: Path, **options: Any) -> "Project":
        """Return a project with free ports and new secrets, which stand in a file as `.env.local` would hold them."""
        ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        values = {name: value + awkward(name) for name, value in random_values().items()}
        values |= ports | {"SHOP_UNTIL": "2026-11-22T00:00:00Z", "SALES_ROWS": "20000"}
        # An idle kernel ends while a test waits for it.
        values |= {"NOTEBOOK_IDLE_SECONDS": "30"}
        return cls(written(folder, values), values, **options)

    def changed(self, folder: Path, **values: str) -> "Project":
        """Return the same deployment, of which what is started from now on has other values."""
        values = self.values | values
        return replace(self, file=written(folder, values), values=values)

    @cached_property
    def settings(self) -> Settings:
        """Return the configuration as the host sees it."""
        return load(environment=self.values)

    @property
    def marks(self) -> dict[str, str]:
        """Return the part of each secret that any text shows as it is."""
        return {name: value.removesuffix(awkward(name)) for name, value in self.secrets.items()}

    @property
    def secrets(self) -> dict[str, str]:
        """Return the secrets, none of which may ever be seen."""
        return {name: value for name, value in self.values.items() if Settings.variables()[name].is_secret}

    def run(self, *command: str, check: bool = True, given: str = "", seconds: float = 1800) -> str:
        """Return what a command says on both streams."""
        kept = {name: value for name, value in os.environ.items() if name not in Settings.variables()}
        done = subprocess.run(
            command,
            cwd=self.root,
            env=kept | {"COMPOSE_ENV_FILES": f"{self.root / '.env'},{self.file}", "COMPOSE_PROJECT_NAME": self.name},
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}")
        return done.stdout

    def compose(self, *words: str, **options: Any) -> str:
        """Return what `docker compose …` says."""
        return self.run("docker", "compose", *words, **options)

    def inside(self, service: str, *command: str, **options: Any) -> str:
        """Return what a command says inside a service's container."""
        return self.compose("exec", "-T", service, *command, **options)

    def command(self, *words: str, **options: Any) -> str:
        """Return what the `storeline` command says in a container of its own."""
        return self.compose("run", "--rm", "-T", "--no-deps", "storeline", *words, **options)

    def reached(self, ways: Collection[Way]) -> set[Way]:
        """Return the ways on which a connection opens, tried from each service in one process."""

        def from_one(service: str) -> set[Way]:
            addresses = [f"{host} {port}" for name, host, port in ways if name == service]
            said = self.inside(service, "python", "-c", PROBE, *addresses, check=False).splitlines()
            return {(service, host, int(port)) for host, port in (line.split() for line in said if line in addresses)}

        with ThreadPoolExecutor(4) as pool:
            return set().union(*pool.map(from_one, {service for service, _, _ in ways}))

    def reaches(self, *way: Any) -> bool:
        """Tell whether a service can open a connection to a host's port."""
        return bool(self.reached([way]))

    def containers(self) -> list[dict[str, Any]]:
        """Return every container as the engine describes it."""
        numbers = self.compose("ps", "--all", "--quiet").split()
        described: list[dict[str, Any]] = json.loads(self.run("docker", "inspect", *numbers)) if numbers else []
        return described

    def unwell(self) -> list[str]:
        """Return a line for each container that is not as it should be."""
        return list(self._unwell())

    def _unwell(self) -> Iterator[str]:
        for container in self.containers():
            service, state = service_of(container), container["State"]
            if service in ONE_SHOTS:
                if (state["Status"], state["ExitCode"]) != ("exited", 0):
                    yield f"{service}: {state['Status']} {state['ExitCode']}"
            elif state["Status"] != "running" or state["Health"]["Status"] != "healthy":
                yield f"{service}: {state['Status']} {state.get('Health', {}).get('Status')}"

    def wait_until_well(self, seconds: float = 600) -> None:
        """Wait until every container is healthy, or has ended well."""
        deadline = time.monotonic() + seconds
        while unwell := self.unwell():
            assert time.monotonic() < deadline, "; ".join(unwell)
            time.sleep(2)

    def leftovers(self) -> list[str]:
        """Return the containers, volumes and networks that carry the project's name."""
        label = ("--filter", f"label=com.docker.compose.project={self.name}")
        return [
            f"{kind} {name}"
            for kind, words in (
                ("container", ("ps", "--all")),
                ("volume", ("volume", "ls")),
                ("network", ("network", "ls")),
            )
            for name in self.run("docker", *words, "--quiet", *label).split()
        ]


def service_of(container: dict[str, Any]) -> str:
    """Return the service that a container belongs to."""
    return str(container["Config"]["Labels"]["com.docker.compose.service"])
