"""Measure P11: the generators' speed, against Faker row by row.

Usage: python -m bench.generate [--scale FACTOR] [--runs N]

Starts its own PostgreSQL. The rival generates the default shop, because it is slow, and also writes it by COPY.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stdout
from dataclasses import replace
from io import StringIO
from itertools import islice
from time import perf_counter

from bench import faker_rows, scratch
from bench.report import Result, publish, rotated
from bench.stack import bench_stack
from generators import people, shop
from generators.fill import KEYS
from generators.plan import Plan, chunks, plan_of
from generators.words import vocabulary
from storeline.errors import StorelineError
from storeline.settings import Settings
from storeline.stores import postgres

DATABASE = "storeline_bench_generate"
RIVAL = "faker-rows"
USERS, THEIR_USERS = 100_000, 2_000
ROWS_AT_ONCE = 5_000


def server_version(settings: Settings) -> str:
    """Return PostgreSQL's version."""
    with closing(postgres.owner(settings).connect()) as connection:
        return str(connection.get_parameter_status("server_version"))


def timed(work: Callable[[], int]) -> float:
    """Return the rows per second of a function that returns how many rows it made."""
    began = perf_counter()
    return work() / (perf_counter() - began)


def our_users(plan: Plan) -> int:
    """Generate users as COPY text."""
    words, facts = vocabulary(plan.seed), people.people(plan)
    blocks = (people.user_rows(plan, number, facts, words) for number in range(len(chunks(plan.users))))
    return sum(block.count for block in blocks if block.copy_text())


def our_shop(plan: Plan) -> int:
    """Generate a whole shop as COPY text."""
    return sum(block.count for block in shop.blocks(plan) if block.copy_text())


def our_load(settings: Settings) -> int:
    """Fill the empty tables."""
    with redirect_stdout(StringIO()):
        shop.generate(settings)
    return sum(shop.sizes(plan_of(settings)).values())


def their_load(settings: Settings, plan: Plan) -> int:
    """Fill the empty tables with the rival's rows, also by COPY."""
    rows, count = faker_rows.shop(plan), 0
    with closing(postgres.generator(settings).connect()) as connection, connection, connection.cursor() as cursor:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            for table in KEYS:
                values = [row for name, row in some if name == table]
                lines = ("\t".join(r"\N" if v is None else str(v) for v in row.values()) for row in values)
                if values:
                    copy = f"copy source.{table} ({', '.join(values[0])}) from stdin"
                    cursor.copy_expert(copy, StringIO("\n".join(lines) + "\n"))
            count += len(some)
    return count


def measure(settings: Settings, runs: int) -> None:
    """Measure every case and publish the results. Raises PostgresError."""
    plan = plan_of(settings)
    small = plan_of(Settings({**settings.values, "SHOP_SCALE": "1"}))
    with scratch.database(settings, DATABASE) as own:
        server = server_version(own)

        def into_empty_tables(load_rows: Callable[[], int]) -> float:
            scratch.empty(own)
            return timed(load_rows)

        cases: dict[str, tuple[Callable[[], float], Callable[[], float]]] = {
            "users, as text": (
                lambda: timed(lambda: our_users(replace(plan, users=USERS))),
                lambda: timed(lambda: sum(1 for _ in faker_rows.users(replace(small, users=THEIR_USERS)))),
            ),
            "the whole shop, as text": (
                lambda: timed(lambda: our_shop(plan)),
                lambda: timed(lambda: sum(1 for _ in faker_rows.shop(small))),
            ),
            "the whole shop, into PostgreSQL": (
                lambda: into_empty_tables(lambda: our_load(own)),
                lambda: into_empty_tables(lambda: their_load(own, small)),
            ),
        }
        reached = {
            case: rotated({f"{case}: ours": ours, f"{case}: {RIVAL}": theirs}, runs)
            for case, (ours, theirs) in cases.items()
        }
    results = [Result("P11", case, RIVAL, "rows/s", *found.values()) for case, found in reached.items()]
    rows, theirs = shop.sizes(plan), Counter(table for table, _ in faker_rows.shop(small))
    results.append(results[-1].scaled("order lines/s", line_share(rows), line_share(theirs)))
    configuration = {"rows": rows, "their_rows": dict(theirs), "users": USERS, "their_users": THEIR_USERS}
    publish("generate", ("numpy", "faker", "psycopg2-binary"), {"postgresql": server}, configuration, results)


def line_share(rows: Mapping[str, int]) -> float:
    """Return the share of order lines among the rows."""
    return rows["order_details"] / sum(rows.values())


def main(arguments: list[str]) -> None:
    """Measure as the command line says; exits with one line on failure."""
    parser = argparse.ArgumentParser(prog="bench.generate", description="Measure the generators' speed.")
    parser.add_argument("--scale", default="50", help="size in default shops (50)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (5)")
    chosen = parser.parse_args(arguments)
    try:
        with bench_stack("postgres", SHOP_SCALE=chosen.scale) as stack:
            measure(stack.settings, chosen.runs)
        stack.delete()
    except StorelineError as error:
        sys.exit(f"bench.generate: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
