"""Measure how the copy grows with the shop, and what a second slot of the cluster brings, beside the raw pipe (P1, P2).

Usage: python -m bench.copy_sizes [--runs N] [--scales SHARE...]

A slot is a core of a worker that copies one range at a time.
"""

import argparse
import subprocess
from collections import defaultdict
from functools import partial

from bench.contestants import CONTESTANTS, Contestant, ours
from bench.copy import NAMES, counts, versions
from bench.report import Result, publish, rotated
from bench.stack import bench_stack, shop_of
from native.stack import Stack

RIVAL = "raw-pipe"
SLOTS = {1: "one slot", 2: "two slots"}


def main() -> None:
    """Fill a shop of each size, run all in rotated order, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scales", type=float, nargs="+", default=[0.01, 0.1, 1.0], help="1: a million orders")
    options = parser.parse_args()
    results: list[Result] = []
    for scale in options.scales:
        stack = bench_stack("postgres", "mysql", "spark", **shop_of(scale))
        with stack:
            stack.run("generators.shop", "--replace")
            results += size(stack, options.runs)
            found = versions(stack)
        stack.delete()
    publish("copy_sizes", ("pyspark", "mysql-connector-python", "psycopg2-binary"), found, vars(options), results)


def size(stack: Stack, runs: int) -> list[Result]:
    """Copy a shop with one slot and two, and with the pipe; return what was reached, contents verified."""
    seconds = defaultdict[str, list[float]](list)

    def run(name: str, copy: Contestant) -> float:
        outcome = copy(stack, NAMES, False)
        if outcome.failed:
            raise SystemExit(f"bench.copy_sizes: {name}: {next(iter(outcome.failed.items()))}")
        seconds[name].append(outcome.seconds)
        return outcome.seconds

    contestants = {name: ours("verified", slots) for slots, name in SLOTS.items()} | {RIVAL: CONTESTANTS[RIVAL]}
    rotated({name: partial(run, name, copy) for name, copy in contestants.items()}, runs)
    rows = sum(counts(stack).values())
    reached = {name: [rows / one for one in all_of_them] for name, all_of_them in seconds.items()}
    return [
        Result("P1", f"{rows:,} rows, contents verified, {name}", RIVAL, "rows/s", reached[name], reached[RIVAL])
        for name in SLOTS.values()
    ]


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.copy_sizes: {' '.join(error.cmd[-3:])}: {error.stderr[-2000:]}") from None
