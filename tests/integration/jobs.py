"""A job of `spark_jobs/` in the test's own process and its warm session: all of it but the process."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from unittest.mock import patch

from storeline.settings import Settings


def run_here(settings: Settings, job: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run a job's `main` to its end; return the exit code that its process would have, and what it said."""
    said = StringIO()
    main = import_module(f"spark_jobs.{job}").main
    environment = patch.dict(os.environ, {**settings.values, **variables})
    with redirect_stdout(said), redirect_stderr(said), environment, own_alarm():
        try:
            main(*([arguments] if arguments else []))
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    if isinstance(code, str):  # what Python makes of a message
        return 1, f"{said.getvalue()}{code}\n"
    return code or 0, said.getvalue()


@contextmanager
def own_alarm() -> Iterator[None]:
    """Give the alarm that guards the test back to it, whatever the job has set."""
    handler, (seconds, interval) = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, interval)
