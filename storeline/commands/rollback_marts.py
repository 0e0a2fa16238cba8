"""Restore the previous generation of all marts; a second call goes forward again.

Example: storeline rollback-marts
"""

from argparse import ArgumentParser, Namespace
from contextlib import closing

from storeline.marts import publication, views
from storeline.marts.contract import load
from storeline.settings import Settings
from storeline.stores import mysql


def add_arguments(parser: ArgumentParser) -> None:
    """Declare nothing: all marts are restored together."""


def run(settings: Settings, options: Namespace) -> int:
    """Exchange the two generations, and report which one is live now."""
    with closing(mysql.mart_builder(settings).connect()) as connection:
        publication.rollback(connection, settings.swap_wait_seconds)
        views.make_missing(connection, load())
        live = mysql.ask(connection, "select run_id, max(built_at) from ops.mart_builds group by 1 order by 2")
    print(f"rollback-marts: the marts are those of run {', '.join(run_id for run_id, _ in live)}")
    return 0
