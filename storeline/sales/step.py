"""What every step of the pipeline does around its work: the run date, its lock, the record of the run, its end.

The lock belongs to the PostgreSQL session that also writes the step's rows: a step that lost it cannot write there.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2.errors import LockNotAvailable
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from storeline import ledger, task
from storeline.errors import Refusal, StorelineError, one_line
from storeline.sales.folder import Folder
from storeline.sales.storage import storage_of
from storeline.settings import Settings, load
from storeline.stores import postgres

ZONE = ZoneInfo("Europe/Moscow")
LOCK = "storeline.sales"
# The session of a step that has just ended keeps its lock until PostgreSQL notices.
LOCK_WAIT_MILLISECONDS = 5000
HOLDER = """select a.application_name, to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
    from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
    and l.classid::bigint = hashtext(%s)::bigint & 4294967295 and l.objid = %s"""


@dataclass
class Step:
    """A step in progress, which holds its run date's lock. `numbers` are those that the UI shows of it."""

    name: str
    settings: Settings
    run_date: date
    run_id: str
    connection: Connection
    numbers: dict[str, Any] = field(default_factory=dict)

    def folder(self, name: str) -> Folder:
        """Return a folder of the run date."""
        return Folder(storage_of(self.settings), self.run_date, name)

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Yield a cursor whose statements commit together, or not at all."""
        self.connection.autocommit = False
        with self.connection, self.connection.cursor() as cursor:
            yield cursor
        self.connection.autocommit = True

    def hold(self) -> None:
        """Check that the lock is still held, before something becomes visible. Raises psycopg2.Error if it is not."""
        with self.connection.cursor() as cursor:
            cursor.execute("select 1")


@contextmanager
def begun(name: str, arguments: Sequence[str]) -> Iterator[Step]:
    """Yield a step that holds its run date's lock; record its run once the work has succeeded.

    Raises Refusal for a run date that is invalid or in the future, StorelineError for another run of the same date.
    """
    settings = load()
    run_date = run_date_of(arguments)
    login = postgres.sales(settings)
    with closing(login.connect(application_name=f"sales:{name}")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            _lock(cursor, run_date)
        task.end_with_task(name)
        step = Step(name, settings, run_date, ledger.new_run_id(), connection)
        began = time.monotonic()
        yield step
        step.numbers.setdefault("seconds", round(time.monotonic() - began, 2))
        with step.transaction() as cursor:
            cursor.execute("delete from ops.sales_steps where run_date = %s and step = %s", (run_date, name))
            cursor.execute(
                "insert into ops.sales_steps (run_date, step, run_id, row_count, seconds) values (%s, %s, %s, %s, %s)",
                (run_date, name, step.run_id, step.numbers["rows"], step.numbers["seconds"]),
            )
    ledger.report(step.run_id, {"run_date": str(run_date), **step.numbers})
    print(f"{name}: {run_date}: {', '.join(f'{key} {value}' for key, value in step.numbers.items())}", flush=True)


def run_date_of(arguments: Sequence[str]) -> date:
    """Return the run date. Raises Refusal if it is invalid, or in the future."""
    try:
        (text,) = arguments
        found = date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"the run date is {' '.join(arguments) or 'missing'}: expected a date like 2026-01-31") from None
    if found > (today := datetime.now(ZONE).date()):
        raise Refusal(f"the run date {found} is in the future: today is {today} in Moscow")
    return found


def _lock(cursor: Cursor, run_date: date) -> None:
    place = (LOCK, run_date.toordinal())
    cursor.execute(f"set lock_timeout = {LOCK_WAIT_MILLISECONDS:d}")
    try:
        cursor.execute("select pg_advisory_lock(hashtext(%s), %s)", place)
    except LockNotAvailable:
        cursor.execute(HOLDER, place)
        name, since = cursor.fetchone() or ("another run", "just now")
        raise StorelineError(
            f"the sales of {run_date} are being processed ({name}, since {since} UTC): wait for that run to end"
        ) from None
    cursor.execute("reset lock_timeout")


def main(name: str, work: Callable[[Step], None], arguments: Sequence[str]) -> None:
    """Run a step. Exits with one line when it fails; what it writes is then unchanged."""
    try:
        with begun(name, arguments) as step:
            work(step)
    except (StorelineError, psycopg2.Error) as error:
        end(name, error, one_line(error))


def end(name: str, error: Exception, line: str) -> NoReturn:
    """Exit with the line of a failed step, and report one that must not be retried."""
    if isinstance(error, Refusal):
        ledger.report_refusal(f"{name}: {line}", None)
    sys.exit(f"{name}: {line}")
