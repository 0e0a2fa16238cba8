"""Ends a batch run from inside, whatever it waits for: its time is up, or the process that started it is gone.

A signal handler runs only between two steps of Python, so a MySQL statement, a lock or a Spark job would delay it.
A thread does not wait for them: it ends the run's sessions and jobs, and then the process.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg2
from mysql.connector import Error as DriverError
from pyspark import SparkContext

from spark_jobs.failure import FAILURES, one_line
from storeline import ledger, task
from storeline.errors import StorelineError
from storeline.generation import Generations
from storeline.stores import mysql, mysql_sessions

LOOK_SECONDS = 0.5
GRACE_SECONDS = 10  # for the run to end by itself once its sessions are gone


class Watch(threading.Thread):
    """Watches one run; `reason` says why it was ended, if it was."""

    def __init__(self, job: str, login: mysql.Login, generations: Generations, limit: tuple[str, int]) -> None:
        super().__init__(name=f"watch over {job}", daemon=True)
        self.job, self.login, self.generations = job, login, generations
        self.variable, self.deadline = limit[0], time.monotonic() + limit[1]
        self.parent, self.over = os.getppid(), threading.Event()
        self.run_id: str | None = None
        self.has_published = False
        self.source: Any = None
        self.reason: str | None = None

    def why_to_end(self) -> str | None:
        """Return why the run must end, or None."""
        if time.monotonic() >= self.deadline:
            return f"it took longer than {self.variable}"
        if os.getppid() != self.parent:
            return "the process that started it has ended"
        if not task.is_alive():
            return "Airflow has ended its task"
        return None

    def check(self) -> None:
        """Raise StorelineError when the run may no longer publish; called right before its swap."""
        if reason := self.reason or self.why_to_end():
            raise StorelineError(f"{reason}; nothing was published")

    def run(self) -> None:
        """Check regularly until the run is over; end it when it must not continue."""
        while not self.over.wait(LOOK_SECONDS):
            if reason := self.why_to_end():
                self.reason = reason
                self._end()
                return

    def _end(self) -> None:
        threading.Thread(target=self._end_again_and_again, daemon=True).start()
        if self.over.wait(GRACE_SECONDS):
            return
        if self.has_published:
            os._exit(0)
        print(f"{self.job}: {self.reason}; nothing was published", file=sys.stderr, flush=True)
        os._exit(1)

    def _end_again_and_again(self) -> None:
        """End what the run has open, and what it opens meanwhile; a server that hangs may block this thread."""
        while not self.over.is_set():
            self._end_sessions()
            self.over.wait(LOOK_SECONDS)

    def _end_sessions(self) -> None:
        """Make whatever the run waits for return with an error, MySQL first: then nothing can be published."""
        with suppress(mysql.MysqlError, DriverError), closing(self.login.connect()) as connection:
            mysql_sessions.end_sessions_of_process(connection, os.getpid())
            self.has_published = self.run_id in self.generations.published(connection)
            if self.run_id and not self.has_published:
                ledger.end(connection, self.run_id, "failed", f"{self.reason}; nothing was published")
        if self.source is not None:
            with suppress(psycopg2.Error):
                self.source.cancel()
        if context := SparkContext._active_spark_context:
            with suppress(*FAILURES):
                context.cancelAllJobs()


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Watch a run. Raises StorelineError with the reason if the watch ended it, otherwise what the run raised."""
    watch.start()
    try:
        yield watch
    except FAILURES as error:
        if watch.has_published:
            return
        if watch.reason:
            raise StorelineError(f"{watch.reason}; nothing was published ({one_line(error)})") from None
        raise
    finally:
        watch.over.set()
