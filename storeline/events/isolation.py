"""Keep what PostgreSQL refuses apart from what it takes, and take no trouble of the server for an event's fault."""

from collections.abc import Callable

import psycopg2
from psycopg2.extensions import cursor as Cursor

from storeline.errors import one_line

# The classes of SQLSTATE that say nothing of a row: connection, transaction, login, privileges and names, resources,
# locks, an operator, the system. Every other one counts, also one that the owner made up for a trigger of his own.
# Source: https://www.postgresql.org/docs/18/errcodes-appendix.html
OF_THE_SERVER = {"08", "0A", "25", "26", "28", "34", "3B", "3D", "3F", "40", "42", "53", "55", "57", "58", "F0", "XX"}
SAID_AFTER = 100


class DependentError(Exception):
    """Rows that were taken together have an outcome that each has only after the one before."""


def is_of_the_rows(error: Exception) -> bool:
    """Tell whether an error concerns the rows, so that others can still be taken."""
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
    """Take the rows from the first bound to before the second in their order, refusing each that cannot be taken.

    `take` is tried with all of them first, with half as many when that fails, and with twice as many after it went
    well. So the work is linear in the number of rows, also where each of them is refused. What `take` did before it
    failed is undone. `between` is told how many rows were tried, before others are. Raises what is not the rows' fault.
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
                print(f"stream_events: {what}: {refused} were refused one by one, the last one: {reason}", flush=True)
            first += 1
        else:
            cursor.execute("release savepoint rows")
            first, size = first + size, size * 2
            if first < end:
                between(size // 2)
