"""The views among the marts: they are swapped in the same statement as the tables.

MySQL cannot move a view to another database. So a view's next version waits beside it under a run's id, and its old
version leaves under one; neither has the view's name, so a crash in between leaves no stale view.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mysql.connector import Error as DriverError
from mysql.connector import errorcode

from storeline.generation import MARTS, OURS
from storeline.ledger import new_run_id
from storeline.marts.contract import Mart
from storeline.stores import mysql, mysql_swap

NOT_YET = (errorcode.ER_NO_SUCH_TABLE, errorcode.ER_BAD_FIELD_ERROR)


def moves(connection: Any, marts: tuple[Mart, ...], run_id: str) -> list[mysql_swap.Move]:
    """Create each view's next version if the mart that it reads exists; return the moves of all views."""
    old = sorted(mysql.present(connection, MARTS.live, MARTS.registered(connection), mysql.VIEW))
    found = [((MARTS.live, name), _discarded(n, run_id)) for n, name in enumerate(old)]
    for number, mart in enumerate(mart for mart in marts if mart.is_view):
        waiting = MARTS.staging_name(number, run_id, mart.name)
        with _unless_not_yet():
            _create(connection, waiting, mart)
            found.append(((MARTS.live, waiting), (MARTS.live, mart.name)))
    return found


def before_a_rollback(connection: Any) -> list[mysql_swap.Move]:
    """Return the moves of the views that give way to a table of the previous generation."""
    names = mysql.present(connection, MARTS.previous, MARTS.registered(connection, "_previous"))
    old = sorted(mysql.present(connection, MARTS.live, names, mysql.VIEW))
    return [((MARTS.live, name), _discarded(n, new_run_id())) for n, name in enumerate(old)]


def make_missing(connection: Any, marts: tuple[Mart, ...]) -> None:
    """Create the views whose marts were missing, or had other columns, before the swap."""
    views = {mart.name: mart for mart in marts if mart.is_view}
    for name in sorted(set(views) - mysql.present(connection, MARTS.live, set(views), mysql.ANY_KIND)):
        with _unless_not_yet():
            _create(connection, name, views[name])


def drop_left_overs(connection: Any) -> None:
    """Drop the views whose names carry a run's id."""
    for name in sorted(mysql.tables_of(connection, MARTS.live, mysql.VIEW)):
        if OURS.fullmatch(name):
            mysql.do(connection, f"drop view {_quoted(name)}")


@contextmanager
def _unless_not_yet() -> Iterator[None]:
    """Ignore that what a view reads does not exist yet."""
    try:
        yield
    except DriverError as error:
        if error.errno not in NOT_YET:
            raise


def _discarded(number: int, run_id: str) -> tuple[str, str]:
    return MARTS.live, f"discarded_{number:03}_{run_id}"


def _create(connection: Any, name: str, mart: Mart) -> None:
    mysql.do(connection, f"use {mysql.quote(MARTS.live)}")
    mysql.do(connection, f"create sql security invoker view {_quoted(name)} as {mart.query}")


def _quoted(name: str) -> str:
    return f"{mysql.quote(MARTS.live)}.{mysql.quote(name)}"
