"""What the ledger says of a batch run, whatever becomes of it: from its swap on, a run has succeeded."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from spark_jobs.audit import AuditError
from spark_jobs.failure import FAILURES, one_line
from spark_jobs.watch import Watch
from storeline import ledger
from storeline.generation import Generations
from storeline.stores import mysql


@contextmanager
def recorded(
    login: mysql.Login, target: Any, run_id: str, job: str, generations: Generations, watch: Watch | None
) -> Iterator[Callable[[], None]]:
    """Write that a run begins and how it ends; return what is to be asked before the swap.

    Raises what the run raised, if it has not published.
    The ledger is asked by a new connection, because the run's own may have ended in the middle of its swap.
    """
    ledger.begin(target, run_id, job, generations.published(target))
    if watch:
        watch.run_id = run_id
    try:
        yield watch.check if watch else lambda: None
    except FAILURES as error:
        with closing(login.connect()) as other:
            if run_id not in generations.published(other):
                ledger.end(other, run_id, "failed", str(error) if isinstance(error, AuditError) else one_line(error))
                raise
        tell(job, error)
    if watch:
        watch.has_published = True
    with tidying(job), closing(login.connect()) as other:
        ledger.succeed(other, run_id)


@contextmanager
def tidying(job: str) -> Iterator[None]:
    """Do what comes after a swap: the run has succeeded, and what is left over the next one clears away."""
    try:
        yield
    except FAILURES as error:
        tell(job, error)


def tell(job: str, error: BaseException) -> None:
    """Say what went wrong after a swap."""
    line = f"{job}: all tables are published; the next run clears away what is left: {one_line(error)}"
    print(line, file=sys.stderr)
