"""Compare the live replica with the source, table by table, and name the keys that differ.

A row that the source has changed since the copy is behind, not different: the next copy brings it. Exits with 1 when
something differs; `storeline repair` brings those rows back. What was found is kept in MySQL's `ops.verifications`.

Example: storeline verify orders order_details
"""

from argparse import ArgumentParser, Namespace

from storeline.commands.output import add_json, show, show_json
from storeline.replica.differences import Verification
from storeline.replica.verification import verify
from storeline.settings import Settings

HEADS = ("table", "rows", "differing", "behind")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare which tables, and how many keys are named."""
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="all tables of the replica by default")
    parser.add_argument("--limit", type=int, default=20, help="how many keys are named for each table (default: 20)")
    add_json(parser)


def run(settings: Settings, options: Namespace) -> int:
    """Print a line for each table, then the keys that differ; return 1 when there is one."""
    found = verify(settings, options.tables)
    if options.json:
        show_json([said(one, options.limit) for one in found])
    else:
        show(HEADS, [[one.table, f"{one.rows:,}", one.counted, f"{one.behind:,}"] for one in found], as_json=False)
        for one in found:
            for line in one.lines(options.limit):
                print(line)
    return 0 if all(one.is_equal for one in found) else 1


def said(one: Verification, limit: int) -> dict[str, object]:
    """Return what was found of a table, for machines."""
    keys = [{"key": d.key, "kind": d.kind, "columns": d.columns} for d in one.differences[:limit]]
    counted = {"table": one.table, "rows": one.rows, "differing": len(one.differences), "behind": one.behind}
    return counted | {"is_equal": one.is_equal, "differences": keys}
