"""Rows as text for a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from tabulate import tabulate


def text_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as text; nothing is reformatted, so that `007` stays `007`."""
    shown = [["NULL" if value is None else str(value) for value in row] for row in rows]
    return tabulate(shown, headers=names, disable_numparse=True, tablefmt="simple")
