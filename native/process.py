"""A service of the stack: its processes, their environment, and how to tell that they are ready."""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from native.places import VENV
from storeline.loopback import LOOPBACK
from storeline.settings import ROOT, Settings

# The rest of the caller's environment is dropped, so that a stack is the same for every caller.
INHERITED = ("HOME", "USER", "LOGNAME", "JAVA_HOME", "TMPDIR")
FOLDERS = {"SALES_STORAGE", "CLICKHOUSE_FOLDER"}


@dataclass(frozen=True)
class Process:
    """One process; `environment` is added to `base_environment()`."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    # Whether the signal also goes to the children, for processes that would leave them behind.
    signals_group: bool = True
    stop_seconds: int = 30
    # A local port that must answer before each start of the process.
    waits_for_port: int | None = None

    def script(self) -> str:
        """Return the shell script that becomes this process; it can also be run manually."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(self.environment.items())]
        knock = f"until (exec 3<>/dev/tcp/127.0.0.1/{self.waits_for_port}) 2>/dev/null; do sleep 0.3; done"
        waiting = [knock] if self.waits_for_port else []
        return "\n".join(["#!/bin/bash", *waiting, *exports, f"exec {shlex.join(self.command)}", ""])


@dataclass(frozen=True)
class Service:
    """Processes that start and stop together. `missing` names what is not ready yet, or returns nothing when all is."""

    name: str
    processes: tuple[Process, ...]
    prepare: Callable[[], None]
    missing: Callable[[], str | None]
    seconds_to_start: int = 240


def base_environment() -> dict[str, str]:
    """Return the common environment of all processes of all stacks."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONPATH": str(ROOT)}


def is_ours(host: str | None) -> bool:
    """Tell whether an address belongs to this stack and not to a service that the user runs."""
    return host in LOOPBACK


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process that reads the configuration: every value, whatever the files say.

    Paths are absolute: a driver imports the code from an archive and would resolve relative ones against it.
    """
    values = dict(settings.values)
    for name in FOLDERS & set(values):
        if "://" not in values[name]:
            values[name] = str(ROOT / values[name])
    return values
