"""The supervisor of a stack: its configuration, its daemon, its commands.

supervisord runs the processes; this module writes its configuration and talks to it over its socket.
"""

import contextlib
import shlex
import subprocess
import sys
import time
import xmlrpc.client  # nosec B411
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from native.places import make_private, sockets, write_private
from native.process import Process, Service, base_environment
from storeline.errors import StorelineError

# Every process of a stack carries it, so that all can be found even when the supervisor is gone.
MARK = "STORELINE_STACK"
HEAD = """[supervisord]
logfile = {home}/logs/supervisord.log
pidfile = {home}/supervisord.pid
directory = {home}
umask = 077
[unix_http_server]
file = {sockets}/supervisor.sock
chmod = 0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """[program:{name}]
command = {command}
directory = {folder}
autostart = false
autorestart = true
startsecs = 3
startretries = 10
stopsignal = {signal}
stopasgroup = {signals_group}
killasgroup = true
stopwaitsecs = {seconds}
redirect_stderr = true
stdout_logfile = {home}/logs/{name}.log
stdout_logfile_maxbytes = 20MB
stdout_logfile_backups = 2
"""


def log_of(home: Path, process: str) -> Path:
    """Return the path of a process's log."""
    return home / "logs" / f"{process}.log"


def files(home: Path, services: Sequence[Service]) -> dict[Path, str]:
    """Return the supervisor's files: its configuration and a script for each process."""

    def section(process: Process) -> str:
        return PROGRAM.format(
            name=process.name,
            command=shlex.quote(str(script_of(process))),
            folder=process.folder,
            signal=process.stop_signal,
            signals_group=str(process.signals_group).lower(),
            seconds=process.stop_seconds,
            home=home,
        )

    def script_of(process: Process) -> Path:
        return home / "run" / f"{process.name}.sh"

    parts = [HEAD.format(home=home, sockets=sockets(home))]
    for number, service in enumerate(services):
        parts += [section(process) for process in service.processes]
        names = ",".join(process.name for process in service.processes)
        # Groups stop one after the other, in reverse order.
        parts.append(f"[group:{service.name}]\nprograms = {names}\npriority = {number}\n")
    scripts = {script_of(process): process.script() for service in services for process in service.processes}
    return {home / "supervisord.conf": "".join(parts).replace("%", "%%")} | scripts


def is_current(wanted: dict[Path, str]) -> bool:
    """Tell whether the files are up to date."""
    return all(file.exists() and file.read_text() == text for file, text in wanted.items())


@contextlib.contextmanager
def supervisor_of(home: Path) -> Iterator[Any]:
    """Yield the supervisor's API, or None if it is not running."""
    transport = SupervisorTransport(None, None, f"unix://{sockets(home) / 'supervisor.sock'}")
    with xmlrpc.client.ServerProxy("http://stack", transport=transport) as proxy:
        try:
            proxy.supervisor.getState()
        except (OSError, xmlrpc.client.Error):
            yield None
        else:
            yield proxy.supervisor


def launch(home: Path, wanted: dict[Path, str]) -> None:
    """Start the supervisor, which starts nothing on its own. Raises StorelineError when it does not answer."""
    for folder in (home, home / "logs", home / "run", sockets(home)):
        make_private(folder)
    for file, text in wanted.items():
        write_private(file, text, mode=0o700 if file.suffix == ".sh" else 0o600)
    done = subprocess.run(
        (sys.executable, "-m", "supervisor.supervisord", "-c", str(home / "supervisord.conf")),
        env=base_environment() | {MARK: str(home)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + 20
    while not done.returncode and time.monotonic() < deadline:
        with supervisor_of(home) as supervisor:
            if supervisor:
                return
        time.sleep(0.1)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["it does not answer"]
    raise StorelineError(f"supervisord: {said[-1]}")
