"""Bring the rows of a table of the replica that differ back to what the source holds.

Only the keys that `storeline verify` names are inserted, updated or deleted, in one transaction, and the table is
verified again. More than REPAIR_SHARE_LIMIT of a table is repaired only with --all.

Example: storeline repair orders --dry-run
"""

from argparse import ArgumentParser, Namespace

from storeline.replica.repair import repair
from storeline.settings import Settings


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the table, and how far a repair goes."""
    parser.add_argument("table", help="a table of the replica")
    parser.add_argument("--dry-run", action="store_true", help="say what would be repaired, and change nothing")
    parser.add_argument("--all", action="store_true", help="however many rows differ")


def run(settings: Settings, options: Namespace) -> int:
    """Repair, and say how many rows of each kind."""
    done = repair(settings, options.table, options.dry_run, options.all)
    verb = "would be" if options.dry_run else "were"
    print(
        f"repair: {options.table}: {done.inserted} rows {verb} inserted, {done.updated} updated, {done.deleted} deleted"
    )
    return 0
