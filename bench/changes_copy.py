"""Measure P7: how far the stream of changes falls behind while a copy of the whole shop runs.

Usage: python -m bench.changes_copy [--runs N] [--rate CHANGES_PER_SECOND] [--scale SHARE]

`--scale 1` is 1 M orders with about 3 M order lines. The stream goes on beside a copy and waits only for its end;
Debezium's JDBC sink writes tables that no copy replaces, and has only the machine in common with it.
"""

import argparse
import subprocess
import time
from contextlib import closing

from bench.change_load import CHANGES, Sale
from bench.change_sides import SERVICES, sides, versions
from bench.changes import PACKAGES, start
from bench.contestants import LAST
from bench.copy import counts
from bench.report import Result, publish, rotated
from bench.rivals.jdbc_sink import NAME as RIVAL
from bench.selling import Selling
from bench.side import Side
from bench.stack import bench_stack, job_environment, shop_of, submission
from bench.visible import Seen, milliseconds, watch
from native.stack import Stack
from storeline.stores import mysql

SECONDS = 600  # at most, for a copy


def main() -> None:
    """Measure and publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rate", type=int, default=100, help="changes per second")
    parser.add_argument("--scale", type=float, default=1, help="1: a million orders (default)")
    options = parser.parse_args()
    stack = bench_stack(*SERVICES, **shop_of(options.scale))
    with stack, sides(stack) as both:
        rows, copies = sum(counts(stack).values()), list[float]()
        reached = rotated(
            {side.name: lambda side=side: lag(stack, side, options.rate, copies) for side in both},  # type: ignore[misc]
            options.runs,
        )
        case = f"a copy of {rows:,} rows at {options.rate:,} changes/s"
        results = [
            Result("P7", f"{case}: largest time from commit to visible", RIVAL, "s", *reached.values()),
            Result("P7", f"{case}: the copy itself", "", "s", copies, []),
        ]
        publish("changes_copy", PACKAGES, versions(stack), vars(options), results)
    stack.delete()


def lag(stack: Stack, side: Side, rate: int, copies: list[float]) -> float:
    """Copy the shop while a side applies sales; return the longest time in seconds from a commit to its being visible.

    Appends the copy's own seconds. Raises SystemExit when it fails.
    """
    start(stack, side)
    command = submission(stack, "spark_jobs/replicate.py", cores=stack.settings.spark_batch_cores)
    with Selling(stack, 0, rate / CHANGES) as selling, (stack.home / "replicate.log").open("w") as log:
        began = time.monotonic()
        copy = subprocess.Popen(command, env=job_environment(stack), stdout=log, stderr=subprocess.STDOUT)
        sales: list[Sale] = []

        def is_over(now: Seen) -> bool:
            if not sales and copy.poll() is not None:
                sales.extend(selling.end())
            return bool(sales) and now.has(sales[-1])

        seen = watch(stack, side, is_over, SECONDS)
    if copy.returncode:
        raise SystemExit(f"bench.changes_copy: the copy failed, see {stack.home / 'replicate.log'}")
    with closing(mysql.admin(stack.settings).connect()) as connection:
        ((seconds,),) = mysql.ask(connection, LAST)
    copies.append(float(seconds))
    side.pause()
    side.stop()
    return max(milliseconds([sale for sale in sales if sale.moment > began], seen)) / 1000


if __name__ == "__main__":
    main()
