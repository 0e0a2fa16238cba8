"""The victims of faults, and the faults: processes of a stack that are killed or put to sleep."""

import signal
import time
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil

from native.stack import Stack

STOP_SECONDS = 30


def processes(stack: Stack, victim: str, job: Popen[Any]) -> list[psutil.Process]:
    """Return the processes of a victim; the driver is spark-submit with its Python."""
    if victim == "driver":
        return family(job)
    name = "spark-worker" if victim == "executor" else victim
    (number,) = (one.pid for one in stack.status() if one.name == name)
    process = psutil.Process(number)
    if victim != "executor":
        return [process]
    return [child for child in process.children() if is_executor(child)]


def family(job: Popen[Any]) -> list[psutil.Process]:
    """Return a process with all its descendants; nothing if it has ended."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(job.pid)
        return [first, *first.children(recursive=True)]
    return []


def is_executor(process: psutil.Process) -> bool:
    """Tell whether it is an executor; one that has ended and is not yet gone has no command line any more."""
    try:
        return "CoarseGrainedExecutorBackend" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def happen(victims: list[psutil.Process], asleep_seconds: float) -> None:
    """Let processes sleep, or kill them if they are not to wake again."""
    if asleep_seconds:
        send(victims, signal.SIGSTOP)
        time.sleep(asleep_seconds)
        send(victims, signal.SIGCONT)
    else:
        send(victims, signal.SIGKILL)


def send(victims: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal; when it is SIGSTOP, wait until they have stopped.

    The kernel wakes one thread to stop the others, which work on until it gets a core: for 13 ms on two busy ones.
    """
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(number)
    if number == signal.SIGSTOP:
        deadline = time.monotonic() + STOP_SECONDS
        while not all(map(is_stopped, victims)):
            assert time.monotonic() < deadline, f"not stopped: {victims}"
            time.sleep(0.005)


def is_stopped(victim: psutil.Process) -> bool:
    """Tell whether all threads of a process have stopped, or ended."""
    try:
        threads = [stat.read_text() for stat in Path(f"/proc/{victim.pid}/task").glob("*/stat")]
    except OSError:  # a thread ended meanwhile
        return False
    return all(thread.rpartition(")")[2].split()[0] in "TZX" for thread in threads)


def end(job: Popen[Any]) -> None:
    """Kill what a failed test has left running."""
    send(family(job), signal.SIGKILL)
    job.wait()
