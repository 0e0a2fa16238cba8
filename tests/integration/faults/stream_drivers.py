"""Drivers of the stream as separate processes, on this machine only: their faults need no cluster."""

import re
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from native.spark import jars, spark_submit
from native.stack import Stack
from storeline.settings import ROOT
from storeline.stores import postgres
from tests.integration.faults.suffering import end, processes, send

SECONDS = 120


class Driver:
    """A run of the stream; its output is kept."""

    def __init__(self, stack: Stack, name: str, **variables: str) -> None:
        self.stack, self.log = stack, Path(stack.home) / f"driver-{name}.log"
        command = spark_submit("local[1]", "--jars", jars())
        (stack.home / "events").mkdir(exist_ok=True)
        environment = stack.environment() | {"SPARK_EVENTS_DIR": str(stack.home / "events")} | variables
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, str(ROOT / "spark_jobs" / "stream_events.py")], env=environment, stdout=log, stderr=log
            )

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, is_so: Callable[[], Any], what: str) -> None:
        """Wait until something is true while the driver lives."""
        deadline = time.monotonic() + SECONDS
        while not is_so():
            assert self.process.poll() is None, f"ended before {what}: {self.said()[-3000:]}"
            assert time.monotonic() < deadline, f"not {what}: {self.said()[-3000:]}"
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        return processes(self.stack, "driver", self.process)

    def send(self, number: int) -> None:
        send(self.family(), number)  # type: ignore[arg-type]

    def end(self) -> None:
        end(self.process)  # type: ignore[arg-type]


def scalar(stack: Stack, query: str, *parameters: Any) -> Any:
    """Return the first value of an answer, over a new connection: an older one may have died with the server."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return (cursor.fetchone() or (None,))[0]


def decided(stack: Stack) -> int:
    return int(scalar(stack, "select count(*) from ops.events"))


def writer(stack: Stack) -> str | None:
    """Return the run that may write."""
    found = scalar(stack, "select run_id from ops.streams")
    return None if found is None else str(found)


def session_of(stack: Stack, run_id: str | None) -> str:
    """Return what a run's session is doing according to PostgreSQL: its state, or that it waits for a lock."""
    found = scalar(
        stack,
        """select case when wait_event_type = 'Lock' then 'waits for a lock' else state end
           from pg_stat_activity where application_name = %s""",
        f"stream_events {run_id}",
    )
    return str(found)


def runs_ended(said: str) -> list[str]:
    """Return the runs whose sessions a driver reports to have ended."""
    return re.findall(r"ended the session of run (\S+),", said)
