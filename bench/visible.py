"""When sales become visible to a reader of MySQL: the newest order and the newest line that it sees, again and again.

A sale is visible when its order and all of its lines are. Orders and lines are numbered in the order of the commits,
and each side applies a table's changes in that order.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from bench.change_load import LINES, Sale
from bench.side import Side
from native.stack import Stack
from storeline.stores import mysql

NEWEST = "select (select max(order_id) from {0}.orders), (select max(order_detail_id) from {0}.order_details)"
EVERY_SECONDS = 0.002
SECONDS_BETWEEN_CHECKS = 2


@dataclass(frozen=True)
class Seen:
    """The newest order and line that a reader saw at a moment, in seconds of the monotonic clock."""

    order: int
    line: int
    moment: float

    def has(self, sale: Sale) -> bool:
        """Tell whether a sale was visible."""
        return self.order >= sale.order and self.line >= sale.line


def watch(stack: Stack, side: Side, is_over: Callable[[Seen], bool], seconds: float) -> list[Seen]:
    """Look at a side's tables until it is over; return what was seen, each state once, when it was first seen.

    Raises SystemExit when the side fails, or after some seconds.
    """
    found: list[Seen] = []
    began = checked = time.monotonic()
    query = NEWEST.format(side.database)
    with closing(mysql.admin(stack.settings).connect()) as connection:
        while True:
            ((order, line),) = mysql.ask(connection, query)
            now = Seen(order, line, time.monotonic())
            if not found or (now.order, now.line) != (found[-1].order, found[-1].line):
                found.append(now)
            if is_over(now):
                return found
            if now.moment - checked > SECONDS_BETWEEN_CHECKS:
                side.check()
                checked = now.moment
            if now.moment - began > seconds:
                raise SystemExit(f"bench.changes: {side.name} did not catch up in {seconds:.0f} s")
            time.sleep(EVERY_SECONDS)


def milliseconds(sales: Sequence[Sale], seen: Sequence[Seen]) -> list[float]:
    """Return for each sale the time from its commit until a reader saw it."""
    found, at = [], 0
    for sale in sales:
        while not seen[at].has(sale):
            at += 1
        found.append((seen[at].moment - sale.moment) * 1000)
    return found


def share(sales: Sequence[Sale], seen: Seen) -> float:
    """Return the share of the sales' lines that a reader saw."""
    return sum(seen.line >= sale.line for sale in sales) / len(sales)


def parts(sales: Sequence[Sale], seen: Sequence[Seen]) -> int:
    """Return how many of the states that a reader saw had a part of a sale."""
    orders, lines = [sale.order for sale in sales], [sale.line for sale in sales]
    before = lines[0] - LINES

    def has_part(now: Seen) -> bool:
        whole = bisect_right(lines, now.line)
        is_between = now.line > (lines[whole - 1] if whole else before)
        return is_between or bisect_right(orders, now.order) != whole

    return sum(map(has_part, seen))
