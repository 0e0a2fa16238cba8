"""Measure P7: how fast the stream of changes catches up after a pause, against Debezium's JDBC sink.

Usage: python -m bench.changes_backlog [--runs N] [--minutes N] [--rate CHANGES_PER_SECOND] [--scale SHARE]

Sales of so many minutes at that rate are made as fast as possible, while both sides capture and none applies. When all
of them are in Kafka, one side after the other applies them. A side's start is not counted: from the first sale that is
visible to the last.
"""

import argparse
import time

from bench.change_load import CHANGES, Sale
from bench.change_remarks import Remarks
from bench.change_sides import SERVICES, sides, versions
from bench.changes import PACKAGES, SECONDS_TO_CATCH_UP
from bench.report import Result, publish, rotated
from bench.rivals.jdbc_sink import NAME as RIVAL
from bench.selling import Selling
from bench.side import Side
from bench.stack import bench_stack, shop_of
from bench.visible import share, watch
from native.stack import Stack

MESSAGES = {"stream": CHANGES + 2, RIVAL: CHANGES}  # of a sale; the stream's topic has each transaction's two markers


def main() -> None:
    """Measure and publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument(
        "--rate", type=int, default=500, help="changes per second of the time that the pause stands for"
    )
    parser.add_argument("--scale", type=float, default=0.05, help="1: a million orders")
    options = parser.parse_args()
    count = round(options.minutes * 60 * options.rate / CHANGES)
    stack = bench_stack(*SERVICES, **shop_of(options.scale))
    with stack, sides(stack) as both:
        for side in both:
            side.capture()
        backlog, remarks = Backlog(stack, both, count), Remarks(stack)

        def run(side: Side) -> float:
            reached = catch_up(stack, side, backlog.of(side), remarks)
            remarks.compare(side)
            side.pause()
            return reached

        reached = rotated({side.name: lambda side=side: run(side) for side in both}, options.runs)  # type: ignore[misc]
        case = f"catching up with {count * CHANGES:,} changes, {options.minutes:g} minutes at {options.rate:,}/s"
        results = [Result("P7", case, RIVAL, "changes/s", *reached.values())]
        publish("changes_backlog", PACKAGES, versions(stack), vars(options), results, remarks.text())
    stack.delete()


class Backlog:
    """Sales that wait in Kafka for each side."""

    def __init__(self, stack: Stack, both: tuple[Side, Side], count: int) -> None:
        self.stack, self.both, self.count = stack, both, count
        self.waiting: dict[str, list[Sale]] = {}

    def of(self, side: Side) -> list[Sale]:
        """Return the sales that wait for a side, which is to apply them; makes new ones when it has none."""
        if side.name not in self.waiting:
            sales = self.make()
            self.waiting = {one.name: sales for one in self.both}
        return self.waiting.pop(side.name)

    def make(self) -> list[Sale]:
        """Sell as fast as possible and wait until both sides have all of it in Kafka."""
        began = time.monotonic()
        wanted = {side.name: side.captured() + self.count * MESSAGES[side.name] for side in self.both}
        with Selling(self.stack, self.count, 0) as selling:
            selling.process.wait()
            sales = selling.sales()
        for side in self.both:
            while side.captured() < wanted[side.name]:
                side.check()
                time.sleep(0.5)
        print(f"{len(sales):,} sales are in Kafka, twice, after {time.monotonic() - began:.0f} s", flush=True)
        return sales


def catch_up(stack: Stack, side: Side, sales: list[Sale], remarks: Remarks) -> float:
    """Let a side apply a backlog; return the changes per second. Raises SystemExit when it came at once."""
    side.apply()
    seen = watch(stack, side, lambda now: now.has(sales[-1]), SECONDS_TO_CATCH_UP)
    remarks.count(side, sales, seen)
    first = next(now for now in seen if now.line >= sales[0].line)
    if first is seen[-1]:
        raise SystemExit("bench.changes_backlog: all sales came at once: too few to measure")
    changes = len(sales) * CHANGES * (1 - share(sales, first))
    return changes / (seen[-1].moment - first.moment)


if __name__ == "__main__":
    main()
