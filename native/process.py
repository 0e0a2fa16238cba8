"""What a service of the stack is: its processes, what they see, and how one tells that they are ready."""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from native.places import VENV
from storeline.settings import LOOPBACK, ROOT, Settings

# The rest of the caller's environment stays outside, so that a stack is the same whoever starts it.
INHERITED = ("HOME", "USER", "LOGNAME", "JAVA_HOME", "TMPDIR")
FOLDERS = {"SALES_STORAGE", "CLICKHOUSE_FOLDER"}


@dataclass(frozen=True)
class Process:
    """One process; `environment` comes on top of `base_environment()`."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    # Whether the signal goes to the children too, for processes that would leave them behind.
    signals_group: bool = True
    stop_seconds: int = 30
    # A port on this machine that must answer before the process begins, at each of its starts.
    waits_for_port: int | None = None

    def script(self) -> str:
        """Return the shell script that becomes this process; it can be run by hand too."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(self.environment.items())]
        knock = f"until (exec 3<>/dev/tcp/127.0.0.1/{self.waits_for_port}) 2>/dev/null; do sleep 0.3; done"
        waiting = [knock] if self.waits_for_port else []
        return "\n".join(["#!/bin/bash", *waiting, *exports, f"exec {shlex.join(self.command)}", ""])


@dataclass(frozen=True)
class Service:
    """Processes that start and stop together. `missing` says what is not yet there, or nothing when all is."""

    name: str
    processes: tuple[Process, ...]
    prepare: Callable[[], None]
    missing: Callable[[], str | None]
    seconds_to_start: int = 240


def base_environment() -> dict[str, str]:
    """Return what every process of every stack sees."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = f"{VENV / 'bin'}:{os.environ.get('PATH', os.defpath)}"
    return kept | {"PATH": path, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONPATH": str(ROOT)}


def is_ours(host: str | None) -> bool:
    """Tell whether an address means a service of this stack and not one of the user's own."""
    return host in LOOPBACK


def environment(settings: Settings) -> dict[str, str]:
    """Return what a process sees that reads the configuration: every value, whatever the files say.

    Folders are whole: a driver imports the code from an archive, and would count a relative one from there.
    """
    values = dict(settings.values)
    for name in FOLDERS & set(values):
        if "://" not in values[name]:
            values[name] = str(ROOT / values[name])
    return values
