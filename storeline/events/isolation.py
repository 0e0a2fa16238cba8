"""Separate what PostgreSQL refuses from what it takes, without blaming an event for a server error."""

from collections.abc import Callable

import psycopg2
from psycopg2.extensions import cursor as Cursor

from storeline.errors import one_line

# SQLSTATE classes that say nothing about a row: connection, transaction, login, privileges and names, resources,
# locks, operator, system. Every other class does, including those that the owner defined for a trigger.
# Source: https://www.postgresql.org/docs/18/errcodes-appendix.html
OF_THE_SERVER = {"08", "0A", "25", "26", "28", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "F0", "XX"}
SAID_AFTER = 100


class DependentError(Exception):
    """Rows that were taken together include an outcome that depends on an earlier one of them."""


def is_of_the_rows(error: Exception) -> bool:
    """Tell whether an error is about the rows, so that others can still be taken."""
    if isinstance(error, psycopg2.Error):
        return error.pgcode is not None and error.pgcode[:2] not in OF_THE_SERVER
    return isinstance(error, UnicodeError | DependentError)


def isolate(
    cursor: Cursor,
    what: str,
    bounds: tuple[int, int],
    take: Callable[[int, int], None],
    refuse: Callable[[int, str], None],
    between: Callable[[int], None] = lambda rows: None,
) -> None:
    """Take the rows from the first bound to before the second in order, and refuse each that cannot be taken.

    `take` is tried with all rows first, with half as many after a failure, and with twice as many after a success. So
    the work is linear in the number of rows, even if each of them is refused. What a failed `take` did is rolled back.
    `between` gets the number of rows tried, before more are tried. Raises errors that the rows did not cause.
    """
    first, end = bounds
    size, refused = end - first, 0
    while first < end:
        size = min(size, end - first)
        cursor.execute("savepoint rows")
        try:
            take(first, first + size)
        except (psycopg2.Error, UnicodeError, DependentError) as error:
            if not is_of_the_rows(error):
                raise
            cursor.execute("rollback to savepoint rows")
            cursor.execute("release savepoint rows")
            between(size)
            if size > 1:
                size //= 2
                continue
            reason = one_line(error)
            refuse(first, reason)
            refused += 1
            if refused == SAID_AFTER:
                print(f"stream_events: {what}: {refused} rows were refused one by one, the last: {reason}", flush=True)
            first += 1
        else:
            cursor.execute("release savepoint rows")
            first, size = first + size, size * 2
            if first < end:
                between(size // 2)
