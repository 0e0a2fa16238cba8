"""What the ledger says about a batch run, however it ends: from its swap on, a run has succeeded."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from spark_jobs.audit import AuditError
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.watch import Watch
from storeline import ledger
from storeline.generation import Generations
from storeline.stores import mysql, mysql_sessions

SECONDS_TO_END = 10  # of a killed statement, which first rolls back


@contextmanager
def recorded(
    login: mysql.Login, target: Any, run_id: str, job: str, generations: Generations, watch: Watch | None
) -> Iterator[Callable[[], None]]:
    """Record that a run begins and how it ends; yield the check to call before the swap.

    Raises what the run raised, if it has not published. The ledger is read over a new connection, because the run's own
    may have ended during its swap.
    """
    number = target.connection_id
    ledger.begin(target, run_id, job, generations.published(target))
    if watch:
        watch.run_id = run_id
    try:
        yield watch.check if watch else lambda: None
    except FAILURES as error:
        with closing(login.connect()) as other:
            mysql_sessions.wait_for_its_statement(other, number, SECONDS_TO_END)
            if run_id not in generations.published(other):
                ledger.end(other, run_id, "failed", why(error, watch))
                raise
        tell(job, error)
    if watch:
        watch.has_published = True
    with tidying(job), closing(login.connect()) as other:
        ledger.succeed(other, run_id)


def why(error: BaseException, watch: Watch | None) -> str:
    """Return why a run failed; for one that was ended, the reason for that and not only what it broke."""
    said = str(error) if isinstance(error, AuditError) else one_line(error)
    return f"{watch.reason}; nothing was published ({said})" if watch and watch.reason else said


@contextmanager
def tidying(job: str) -> Iterator[None]:
    """Do the work after a swap: the run has succeeded, and the next one clears away what is left over."""
    try:
        yield
    except FAILURES as error:
        tell(job, error)


def tell(job: str, error: BaseException) -> None:
    """Report what went wrong after a swap."""
    line = f"{job}: all tables are published; the next run clears away what is left: {one_line(error)}"
    print(line, file=sys.stderr)
