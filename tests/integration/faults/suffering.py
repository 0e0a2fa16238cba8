"""The victims of faults, and the faults: processes of a stack that are killed or put to sleep."""

import signal
import time
from contextlib import suppress
from subprocess import Popen
from typing import Any

import psutil

from native.stack import Stack


def processes(stack: Stack, victim: str, job: Popen[Any]) -> list[psutil.Process]:
    """Return the processes of a victim; the driver is spark-submit with its Python."""
    if victim == "driver":
        return family(job)
    name = "spark-worker" if victim == "executor" else victim
    (number,) = (int(one.description.split()[1].rstrip(",")) for one in stack.status() if one.name == name)
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


def happen(victims: list[psutil.Process], asleep_seconds: int) -> None:
    """Let processes sleep, or kill them if they are not to wake again."""
    if asleep_seconds:
        send(victims, signal.SIGSTOP)
        time.sleep(asleep_seconds)
        send(victims, signal.SIGCONT)
    else:
        send(victims, signal.SIGKILL)


def send(victims: list[psutil.Process], number: signal.Signals) -> None:
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.send_signal(number)


def end(job: Popen[Any]) -> None:
    """Kill what a failed test has left running."""
    send(family(job), signal.SIGKILL)
    job.wait()
