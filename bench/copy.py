"""Measure the copy of the shop against its rivals (P1), a raw pipe (P2), and its own verification (P6).

Usage: python -m bench.copy [--runs N] [--scale SHARE]

`--scale 1` is 1 M orders with about 3 M order lines. Each contestant copies all tables into MySQL; the start of its
process is left out and stated apart. After each run the contents are compared with the source, outside of its time.
"""

import argparse
import subprocess
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing

from bench.contents import differing
from bench.contestants import CONTESTANTS, COPY, RIVALS, UNVERIFIED, database_of, timed
from bench.report import Result, publish, rotated
from bench.rivals.environment import folder_of, version_of
from bench.stack import bench_stack, shop_of
from native.stack import Stack
from storeline.replica.verification import verify
from storeline.stores import mysql, postgres
from storeline.tables import TABLES

NAMES = [table.name for table in TABLES]
LOCKED = {"dlt": "dlt", "sling": "sling-linux-amd64"}  # rivals with an environment of their own: lock file, package
Seconds = defaultdict[str, list[float]]


def main() -> None:
    """Fill a shop, run all in rotated order, publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="1: a million orders (default)")
    options = parser.parse_args()
    for rival in LOCKED:
        folder_of(rival)
    stack = bench_stack("postgres", "mysql", "spark", **shop_of(options.scale))
    with stack:
        stack.run("generators.shop", "--replace")
        seconds, starts, verifications = Seconds(list), Seconds(list), Seconds(list)
        changed: dict[str, list[str]] = {}

        def run(name: str) -> float:
            seconds[name].append(measure(stack, name, starts, changed))
            if name == COPY:
                began = time.monotonic()
                verify(stack.settings)
                verifications[COPY].append(time.monotonic() - began)
            return seconds[name][-1]

        rotated({name: lambda name=name: run(name) for name in CONTESTANTS}, options.runs)  # type: ignore[misc]
        found, rows = counts(stack), sum(counts(stack).values())
        results = rates(rows, seconds) + verification(seconds, verifications[COPY]) + start_ups(starts)
        configuration = {
            "rows": found,
            "scale": options.scale,
            "slots": stack.settings.spark_batch_cores,
            "runs": options.runs,
            "changed": changed,
        }
        found_versions = versions(stack) | {rival: version_of(rival, package) for rival, package in LOCKED.items()}
        packages = ("pyspark", "mysql-connector-python", "psycopg2-binary")
        publish("copy", packages, found_versions, configuration, results, said_of(changed))
    stack.delete()


def measure(stack: Stack, name: str, starts: Seconds, changed: dict[str, list[str]]) -> float:
    """Let a contestant copy the shop and compare what it left; return its seconds.

    Raises SystemExit when tables are missing, or when our own copy differs: a figure would then mean nothing.
    """
    outcome, start = timed(name, stack, NAMES)
    if outcome.failed:
        raise SystemExit(f"bench.copy: {name}: {next(iter(outcome.failed.items()))}")
    starts[name].append(start)
    found = [f"{table}.{column}" for table in NAMES for column in differing(stack.settings, database_of(name), table)]
    if found and name not in RIVALS:
        raise SystemExit(f"bench.copy: {name} differs in {', '.join(found)}")
    if found:
        changed[name] = found
        print(f"{name} changed {', '.join(found)}", flush=True)
    return outcome.seconds


def rates(rows: int, seconds: Mapping[str, Sequence[float]]) -> list[Result]:
    """Return rows/s against each rival, without and with the comparison of contents."""
    reached = {name: [rows / one for one in all_of_them] for name, all_of_them in seconds.items()}
    cases = {UNVERIFIED: f"{rows:,} rows, rows and warnings checked", COPY: f"{rows:,} rows, contents verified"}
    return [
        Result("P2" if rival == "raw-pipe" else "P1", case, rival, "rows/s", reached[name], reached[rival])
        for rival in RIVALS
        for name, case in cases.items()
    ]


def verification(seconds: Mapping[str, list[float]], verify_seconds: list[float]) -> list[Result]:
    """Return what the comparison costs inside of a copy, and `storeline verify` of the live tables."""
    return [
        Result("P6", "a copy with its comparison of contents", UNVERIFIED, "s", seconds[COPY], seconds[UNVERIFIED]),
        Result("P6", "`storeline verify` of the replica", UNVERIFIED, "s", verify_seconds, seconds[UNVERIFIED]),
    ]


def start_ups(starts: Mapping[str, list[float]]) -> list[Result]:
    """Return what the rates leave out: from the start of the process to its end, without the copy itself."""
    # sling is one program whose start cannot be told from its work.
    return [
        Result("P1", "start and end of the process, left out above", rival, "s", starts[COPY], starts[rival])
        for rival in RIVALS
        if rival != "sling"
    ]


def said_of(changed: Mapping[str, Sequence[str]]) -> str:
    """Return a sentence for each set of columns that rivals changed without an error."""
    rivals = defaultdict[tuple[str, ...], list[str]](list)
    for rival, columns in changed.items():
        rivals[tuple(f"`{one}`" for one in columns if not one.endswith(".rows"))].append(f"`{rival}`")
    return " ".join(
        f"{' and '.join(names)} ended well, but MySQL then held other values than the source in {', '.join(columns)}."
        for columns, names in rivals.items()
    )


def counts(stack: Stack) -> dict[str, int]:
    """Return the row count of each table of the replica."""
    with closing(mysql.analyst(stack.settings).connect()) as connection:
        return {t.name: mysql.ask(connection, f"select count(*) from replica.{t.name}")[0][0] for t in TABLES}


def versions(stack: Stack) -> dict[str, str]:
    """Return the versions of both servers."""
    with (
        closing(mysql.analyst(stack.settings).connect()) as target,
        closing(postgres.reader(stack.settings).connect()) as source,
    ):
        server = str(source.get_parameter_status("server_version"))
        return {"mysql": str(mysql.ask(target, "select version()")[0][0]), "postgresql": server}


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.copy: {' '.join(error.cmd[-3:])}: {error.stderr[-2000:]}") from None
