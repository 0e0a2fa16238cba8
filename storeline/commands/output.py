"""The output of all verbs: a table for people, JSON for machines."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from storeline.text_table import text_table


def add_json(parser: ArgumentParser) -> None:
    """Declare the option shared by all verbs with an answer."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def show(names: Sequence[str], rows: Iterable[Sequence[Any]], as_json: bool) -> None:
    """Print rows as a table, or as JSON: a list with one object for each row."""
    if as_json:
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print(text_table(names, rows))


def show_json(value: Any) -> None:
    """Print a value as JSON; types that JSON lacks (moments, exact numbers) become text."""
    print(json.dumps(value, default=str, ensure_ascii=False, indent=2))
