"""Place and advance orders in the web shop, as events in Kafka, until stopped.

Usage: python -m generators.produce_orders
"""

import sys
from contextlib import closing
from datetime import UTC, datetime
from random import Random
from typing import Any

from generators.lifetime import Ended
from generators.sending import Sender
from generators.web_shop import Disorder, Order, Shares, WebShop
from storeline.settings import Settings, load
from storeline.stores import postgres
from storeline.topics import ORDERS
from storeline.variables import SettingsError

NAME = "produce_orders"
MOST_USERS, MOST_PRODUCTS, MOST_OPEN = 5000, 5000, 1000
# Without the living shop's customers: they change their addresses, and an order would no longer find its user.
USERS = "select email from source.users where position('+' in email) = 0 order by user_id desc limit %s"
PRODUCTS = "select product_id, price from source.products order by product_id limit %s"
SESSION = "select coalesce(max(sent_event_id), 0) from ops.sent_events"
# Orders that an earlier session placed and did not finish.
OPEN = """select
    o.web_order_id::text, o.web_order_version, u.email, o.order_date, o.status, o.delivery_date,
    array_agg(array[d.line_number, d.product_id, d.quantity, d.price_per_unit]::numeric[] order by d.line_number)
from source.orders as o
join source.users as u using (user_id)
join source.order_details as d using (order_id)
where o.web_order_id is not null and o.status in ('Pending', 'Paid')
group by o.order_id, u.email order by o.order_id desc limit %s"""


def shop(settings: Settings) -> tuple[list[Any], list[Any], list[Any], int]:
    """Return e-mails, products with prices, open orders and the session's number.

    Raises psycopg2.Error, and PostgresError, also for a shop without users or products.
    """
    with closing(postgres.generator(settings).connect()) as connection, connection.cursor() as cursor:
        found = []
        for query, most in ((USERS, MOST_USERS), (PRODUCTS, MOST_PRODUCTS), (OPEN, MOST_OPEN)):
            cursor.execute(query, (most,))
            found.append(cursor.fetchall())
        cursor.execute(SESSION)
        (session,) = cursor.fetchone() or (0,)
    if not found[0] or not found[1]:
        raise postgres.PostgresError("the shop has no users or no products: `make generate` fills it")
    return [email for (email,) in found[0]], found[1], [order_of(row) for row in found[2]], session


def order_of(row: tuple[Any, ...]) -> Order:
    """Return an order from the shop's database."""
    number, version, email, order_date, status, delivery_date, lines = row
    names = ("line_number", "product_id", "quantity")
    bought = tuple(
        {**{name: int(value) for name, value in zip(names, line, strict=False)}, "price_per_unit": line[3]}
        for line in lines
    )
    return Order(number, version, email, order_date, status, delivery_date, bought)


def main() -> None:
    """Produce until stopped. Exits with one line when the configuration is wrong."""
    try:
        settings = load()
        rate = settings.produce_orders_per_second
        shares = shares_of(settings)
        seed, wait = settings.produce_seed, settings.produce_status_seconds
    except SettingsError as error:
        sys.exit(f"{NAME}: {error}")
    sender = Sender(NAME, settings)
    sender.listen()
    try:
        emails, products, unfinished, session = sender.until_it_works("the shop", lambda: shop(settings))
    except Ended:
        return
    random = Random(f"{seed} {ORDERS.name} {session}")  # nosec B311
    web_shop = WebShop(random, Disorder(random, shares), wait, emails, products)
    for order in unfinished:
        web_shop.will_change(order, datetime.now(UTC))
    print(f"{NAME}: {rate:g} orders a second, {len(unfinished)} continued from an earlier session", flush=True)
    sender.run(rate, web_shop.place, web_shop.move_on)


def shares_of(settings: Settings) -> Shares:
    """Return how much disorder the configuration asks for."""
    return Shares(
        settings.produce_duplicate_share,
        settings.produce_late_share,
        settings.produce_out_of_order_share,
        settings.produce_broken_share,
    )


if __name__ == "__main__":
    main()
