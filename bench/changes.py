"""Measure P7: from the commit of a sale in PostgreSQL until a reader of MySQL sees it, against Debezium's JDBC sink.

Usage: python -m bench.changes [--runs N] [--seconds N] [--rates CHANGES_PER_SECOND...] [--scale SHARE]

Only one side runs at a time. Sales come at a steady rate; those of the first seconds warm up and do not count.
"""

import argparse
from collections import defaultdict
from statistics import quantiles

from bench.change_load import CHANGES
from bench.change_remarks import Remarks
from bench.change_sides import SERVICES, sides, versions
from bench.report import Result, publish, rotated
from bench.rivals.jdbc_sink import NAME as RIVAL
from bench.selling import Selling
from bench.side import Side
from bench.stack import bench_stack, shop_of
from bench.visible import milliseconds, watch
from native.stack import Stack

PERCENTILES = (50, 95, 99)
SECONDS_TO_WARM_UP = 10
SECONDS_TO_CATCH_UP = 240
PACKAGES = ("pyspark", "mysql-connector-python", "psycopg2-binary")


def main() -> None:
    """Measure every rate and publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 1000], help="changes per second")
    parser.add_argument("--scale", type=float, default=0.05, help="1: a million orders")
    options = parser.parse_args()
    stack = bench_stack(*SERVICES, **shop_of(options.scale))
    with stack, sides(stack) as (stream, rival):
        remarks, results = Remarks(stack), []
        for rate in options.rates:
            results += latency(stack, (stream, rival), rate, options.seconds, options.runs, remarks)
        publish("changes", PACKAGES, versions(stack), vars(options), results, remarks.text())
    stack.delete()


def latency(
    stack: Stack, both: tuple[Side, Side], rate: int, seconds: int, runs: int, remarks: Remarks
) -> list[Result]:
    """Measure both sides in rotated order; return a result for each percentile."""
    reached = {side.name: defaultdict[int, list[float]](list) for side in both}

    def run(side: Side) -> float:
        found = measure(stack, side, rate / CHANGES, seconds, remarks)
        for percentile, value in found.items():
            reached[side.name][percentile].append(value)
        return found[95]

    rotated({side.name: lambda side=side: run(side) for side in both}, runs)  # type: ignore[misc]
    ours, theirs = reached.values()
    case = f"{rate:,} changes/s for {seconds} s: commit to visible"
    return [Result("P7", f"{case}, p{p}", RIVAL, "ms", ours[p], theirs[p]) for p in PERCENTILES]


def measure(stack: Stack, side: Side, per_second: float, seconds: int, remarks: Remarks) -> dict[int, float]:
    """Let a side apply sales as they come; return the percentiles of their latency in ms."""
    start(stack, side)
    with Selling(stack, round((seconds + SECONDS_TO_WARM_UP) * per_second), per_second) as selling:
        limit = seconds + SECONDS_TO_WARM_UP + SECONDS_TO_CATCH_UP
        seen = watch(stack, side, lambda now: bool(selling.sales()) and now.has(selling.sales()[-1]), limit)
        sales = selling.sales()
    remarks.count(side, sales, seen)
    remarks.compare(side)
    side.pause()
    side.stop()
    counted = [sale for sale in sales if sale.moment > sales[0].moment + SECONDS_TO_WARM_UP]
    cuts = quantiles(milliseconds(counted, seen), n=100)
    return {percentile: cuts[percentile - 1] for percentile in PERCENTILES}


def start(stack: Stack, side: Side) -> None:
    """Start a side and wait until it has applied everything."""
    side.capture()
    side.apply()
    with Selling(stack, 1, 0) as selling:
        selling.process.wait()
        watch(stack, side, lambda now: now.has(selling.sales()[0]), SECONDS_TO_CATCH_UP)


if __name__ == "__main__":
    main()
