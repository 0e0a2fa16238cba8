"""List the marts: what they hold, their rows, when they were built and from which copy.

Example: storeline marts
"""

import json
from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import Any

from tabulate import tabulate

from storeline.commands.output import add_json, show_json
from storeline.marts.contract import Mart, load
from storeline.settings import Settings
from storeline.stores import mysql

HEADS = ("mart", "what", "grain", "rows", "built at (UTC)", "run", "read from the copy")
WIDTHS = [None, 40, 20, None, None, None, 30]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the output format."""
    add_json(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Print every declared mart, built or not."""
    with closing(mysql.analyst(settings).connect()) as connection:
        found = listing(connection, load())
    if options.json:
        show_json([dict(zip(HEADS, row, strict=True)) for row in found])
    else:
        print(tabulate(found, HEADS, tablefmt="simple_grid", maxcolwidths=WIDTHS))
    return 0


def listing(connection: Any, marts: tuple[Mart, ...]) -> list[tuple[Any, ...]]:
    """Return a row for each mart, in the order of `HEADS`."""
    query = "select mart, row_count, built_at, run_id, source_snapshots from ops.mart_builds"
    built = {name: rest for name, *rest in mysql.ask(connection, query)}
    rows = []
    for mart in marts:
        count, when, run_id, states = built.get(mart.name, (None, None, "not built yet", "{}"))
        sources = {f"{base['generation']} (snapshot {base['snapshot']})" for base in json.loads(states).values()}
        rows.append((mart.name, mart.about, ", ".join(mart.grain), count, when, run_id, "; ".join(sorted(sources))))
    return rows
