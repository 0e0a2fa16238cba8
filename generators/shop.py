"""Fill the shop's database with users, products, orders, reviews and loyalty points for a seed and a size.

Usage: python -m generators.shop [--append | --replace | --if-empty] [--scale FACTOR]
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from time import monotonic

from generators import catalogue, fill, loyalty, orders, people, reviews
from generators.catalogue import Category
from generators.columns import Block
from generators.plan import Plan, chunks, plan_of
from generators.words import vocabulary
from storeline.errors import StorelineError
from storeline.settings import Settings, load
from storeline.stores import postgres


def sizes(plan: Plan) -> dict[str, int]:
    """Return how many rows each table will get, in foreign-key order."""
    lines = sum(int(orders.line_counts(plan, number).sum()) for number in range(len(chunks(plan.orders))))
    return {
        "users": plan.users,
        "product_categories": plan.categories,
        "products": plan.products,
        "orders": plan.orders,
        "order_details": lines,
        "reviews": plan.reviews,
        "loyalty_points": plan.loyalty_entries,
    }


def blocks(plan: Plan, known: Sequence[Category] = ()) -> Iterator[Block]:
    """Yield the shop's rows in blocks, in an order that can be written; memory holds one block at a time.

    No categories are generated when some are already `known`.
    """
    words = vocabulary(plan.seed)
    if not known:
        known = catalogue.categories(plan)
        yield catalogue.category_rows(known)
    products, users = catalogue.catalogue(plan, known), people.people(plan)
    for number in range(len(chunks(plan.products))):
        yield catalogue.product_rows(plan, number, products, words)
    for number in range(len(chunks(plan.users))):
        yield people.user_rows(plan, number, users, words)
    lines_before = 0
    for number in range(len(chunks(plan.orders))):
        bought = orders.orders(plan, number, users, products)
        said = reviews.reviews(plan, number, bought, products)
        yield orders.order_rows(plan, bought)
        yield orders.line_rows(plan, bought, lines_before)
        yield reviews.review_rows(plan, number, said, words)
        yield loyalty.loyalty_rows(plan, number, bought, said, users)
        lines_before += len(bought.order)


def generate(settings: Settings, mode: fill.Mode = fill.Mode.NEW) -> None:
    """Fill the shop in one transaction and print what was written. Raises StorelineError and PostgresError."""
    began = monotonic()
    with fill.shop(postgres.generator(settings), mode) as database:
        if database is None:
            print("shop: not empty, left alone")
            return
        plan = plan_of(settings, database.taken)
        expected = sizes(plan)
        if database.categories:
            del expected["product_categories"]
        database.write(blocks(plan, database.categories), expected)
    seconds = monotonic() - began
    count = sum(expected.values())
    print(f"shop: {count:,} rows, {expected['order_details']:,} of them order lines, in {seconds:.1f} s")


def main(arguments: Sequence[str]) -> None:
    """Fill the shop as the command line says; exits with one line on failure."""
    parser = argparse.ArgumentParser(prog="generators.shop", description="Fill the shop's database.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--append", action="store_const", dest="mode", const=fill.Mode.APPEND, help="add to the existing shop"
    )
    choice.add_argument(
        "--replace", action="store_const", dest="mode", const=fill.Mode.REPLACE, help="delete the existing shop first"
    )
    choice.add_argument(
        "--if-empty", action="store_const", dest="mode", const=fill.Mode.IF_EMPTY, help="do nothing if it is not empty"
    )
    parser.add_argument("--scale", help="multiply all sizes except the categories; overrides SHOP_SCALE")
    chosen = parser.parse_args(arguments)
    try:
        settings = load()
        if chosen.scale is not None:
            settings = Settings({**settings.values, "SHOP_SCALE": chosen.scale})
        generate(settings, chosen.mode or fill.Mode.NEW)
    except StorelineError as error:
        sys.exit(f"shop: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
