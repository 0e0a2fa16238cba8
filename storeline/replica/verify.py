"""Verify the live replica as an Airflow task: what `storeline verify` does, for a log and with a report.

It waits for the first copy, so that both DAGs may be unpaused at the same moment.

Usage: python -m storeline.replica.verify [TABLE …]    (all tables of the replica by default)
"""

import sys
import time
from collections.abc import Sequence
from contextlib import closing

from storeline import ledger, task
from storeline.errors import Refusal, StorelineError, one_line
from storeline.replica import bases, last_verification
from storeline.replica.differences import Verification
from storeline.replica.verification import verify
from storeline.settings import Settings, load
from storeline.stores import mysql
from storeline.stores.drivers import DRIVER_ERRORS

NAMED = 1000  # keys of each table, so that a log stays readable
NAME = "verify"


def main(arguments: Sequence[str]) -> None:
    """Verify and log what was found. Exits with one line when something differs, or cannot be compared."""
    try:
        task.end_with_task(NAME)
        settings = load()
        wait_for_first_copy(settings)
        found = verify(settings, arguments)
        for one in found:
            tell(one)
        refuse_differences(found)
    except (StorelineError, *DRIVER_ERRORS) as error:
        line = f"{NAME}: {one_line(error)}"
        if isinstance(error, Refusal):
            ledger.report_refusal(line, None)
        sys.exit(line)
    ledger.report(found[0].run_id, {one.table: {"row_count": one.rows, "behind": one.behind} for one in found})


def wait_for_first_copy(settings: Settings) -> None:
    """Wait up to LOCK_WAIT_SECONDS until the replica holds a table; if it still holds none, comparing it says so."""
    deadline = time.monotonic() + settings.lock_wait_seconds
    is_said = False
    with closing(mysql.replicator(settings).connect()) as connection:
        while not bases.current(connection) and time.monotonic() < deadline:
            if not is_said:
                print(f"{NAME}: the replica is empty: waiting for its first copy", flush=True)
                is_said = True
            time.sleep(1)


def tell(found: Verification) -> None:
    """Print the numbers of a table, then its keys that differ."""
    print(f"{NAME}: {found.table}: {found.rows} rows, {found.counted} differ, {found.behind} behind")
    for line in found.lines(NAMED):
        print(f"{NAME}: {line}", flush=True)


def refuse_differences(found: Sequence[Verification]) -> None:
    """Raise Refusal when something differs: it would differ again until it is repaired or copied."""
    if differing := [one for one in found if not one.is_equal]:
        counts = ", ".join(f"{one.counted} of {one.table}" for one in differing)
        repairs = last_verification.repairs([one.table for one in differing])
        raise Refusal(f"rows of the replica differ from the source, {counts}: the lines above name them; {repairs}")


if __name__ == "__main__":
    main(sys.argv[1:])
