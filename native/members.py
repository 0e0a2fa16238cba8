"""The processes of a stack: which ones belong to it, and how to end them."""

import contextlib
import os
import signal
import time
import xmlrpc.client  # nosec B411
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from native.places import sockets
from native.supervision import MARK, supervisor_of
from storeline.errors import StorelineError

SECONDS_TO_STOP = 240


def kill(home: Path) -> None:
    """Kill every process of a stack whose data is no longer needed, within seconds."""
    doomed = members(home)
    if supervisor := supervisor_process(home):
        _signal({supervisor}, signal.SIGKILL, 0)  # first, because it would restart the others
    doomed |= members(home)
    # PostgreSQL takes SIGINT as a fast shutdown, which leaves no shared memory behind.
    postgres = {process for process in doomed if is_postgres(process)}
    others = _signal(doomed - postgres, signal.SIGKILL, 0)
    left = _signal(postgres, signal.SIGINT, 3)
    _signal(others | left, signal.SIGKILL, 10)
    end(home)


def is_postgres(process: psutil.Process) -> bool:
    """Tell whether a process is PostgreSQL's."""
    with contextlib.suppress(psutil.Error):
        return bool(process.name() == "postgres")
    return False


def _signal(doomed: set[psutil.Process], number: signal.Signals, wait: float) -> set[psutil.Process]:
    """Send a signal to processes and return those still alive after the wait."""
    for process in doomed:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)
    return set(psutil.wait_procs(doomed, timeout=wait)[1])


def end(home: Path) -> None:
    """End the supervisor and every process that it or its children started; idempotent."""
    doomed = members(home)
    with supervisor_of(home) as supervisor:
        if supervisor:
            with contextlib.suppress(OSError, xmlrpc.client.Error):
                supervisor.shutdown()
    deadline = time.monotonic() + SECONDS_TO_STOP
    while supervisor_process(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    # What is left was not the supervisor's child (an executor, a job), or the supervisor was killed.
    doomed |= members(home)
    for number, wait in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
        doomed = _signal(doomed, number, wait)
    if doomed:
        raise StorelineError(f"these processes do not stop: {', '.join(str(process.pid) for process in doomed)}")
    for file in (home / "supervisord.pid", sockets(home) / "supervisor.sock"):
        file.unlink(missing_ok=True)


def supervisor_process(home: Path) -> psutil.Process | None:
    """Return the supervisor's process if it is running."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int((home / "supervisord.pid").read_text()))
        if process.environ().get(MARK) == str(home) and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def members(home: Path) -> set[psutil.Process]:
    """Return every process of a stack: by its mark, by descent, or by session and working folder.

    Some processes overwrite their environment with their title, so the mark alone does not find them.
    """
    found, session = set(), None
    with contextlib.suppress(OSError, ValueError):
        session = int((home / "supervisord.pid").read_text())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            is_inside = Path(process.cwd()).is_relative_to(home)
            if process.environ().get(MARK) == str(home) or (is_inside and os.getsid(process.pid) == session):
                found.add(process)
    if supervisor := supervisor_process(home):
        with contextlib.suppress(psutil.Error):
            found |= set(supervisor.children(recursive=True))
    return found
