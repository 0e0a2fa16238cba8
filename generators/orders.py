"""Orders and their lines: who bought what and when, and how each order ended."""

from dataclasses import dataclass

import numpy as np

from generators.catalogue import Catalogue
from generators.columns import Block, Column, Moment, Money, Pool, Whole, Words
from generators.copy_text import DAY
from generators.draw import Bools, Draws, Ints, among_first
from generators.people import People
from generators.plan import Plan, chunks
from generators.seasons import HOUR, Season

STATUSES = ("Pending", "Paid", "Completed", "Aborted")
PENDING, PAID, COMPLETED, ABORTED = range(4)

LINES = (25, 25, 18, 13, 8, 5, 2, 2, 1, 1)  # shares of orders with 1 to 10 lines; the mean is 3
QUANTITIES = (68, 19, 7, 4, 1, 1)  # shares of lines with a quantity of 1 to 6
DISCOUNTS = np.array([0, 5, 10, 15, 20])  # per cent
DISCOUNT_SHARES = (76, 9, 8, 4, 3)
GIVEN_UP = 0.11
PAYS_WITHIN = np.array([2 * HOUR, 2 * DAY, 14 * DAY])  # by card, by transfer, by invoice
PAYS_SHARES = (66, 24, 10)


@dataclass(frozen=True, eq=False)
class Orders:
    """A chunk of orders and their lines, by position; `user` and `product` are positions too."""

    part: range
    user: Ints
    date: Ints
    status: Ints
    paid: Ints
    closed: Ints  # when delivered or given up
    cents: Ints
    order: Ints  # for each line: its order within the chunk
    line_number: Ints
    product: Ints
    quantity: Ints
    unit_cents: Ints

    @property
    def line_cents(self) -> Ints:
        """Return the cost of each line."""
        return self.quantity * self.unit_cents


def line_counts(plan: Plan, number: int) -> Ints:
    """Return how many lines each order of a chunk has."""
    part = chunks(plan.orders)[number]
    return 1 + plan.draws("line counts", number).pick(LINES, len(part))


def orders(plan: Plan, number: int, people: People, catalogue: Catalogue) -> Orders:
    """Return a chunk of orders: placed by registered users, for products on sale."""
    part = chunks(plan.orders)[number]
    draws, count = plan.draws("orders", number), len(part)
    date = Season(plan.start, plan.days).moments(part, plan.orders, draws.unit(count))
    user = among_first(people.cumulated_eagerness, people.registered_before(date), draws.unit(count))
    status, paid, closed = _fate(draws, date, plan.until)

    lines = line_counts(plan, number)
    order = np.repeat(np.arange(count), lines)
    starts = np.cumsum(lines) - lines
    on_sale = np.searchsorted(catalogue.created, date[order], side="right")
    product = among_first(catalogue.cumulated_popularity, on_sale, draws.unit(len(order)))
    quantity = 1 + draws.pick(QUANTITIES, len(order))
    discount = DISCOUNTS[draws.pick(DISCOUNT_SHARES, len(order))]
    unit_cents = (catalogue.cents[product] * (100 - discount) + 50) // 100
    return Orders(
        part,
        user,
        date,
        status,
        paid,
        closed,
        np.add.reduceat(quantity * unit_cents, starts),
        order,
        1 + np.arange(len(order)) - starts[order],
        product,
        quantity,
        unit_cents,
    )


def _fate(draws: Draws, date: Ints, until: int) -> tuple[Ints, Ints, Ints]:
    """Return each order's status at `until`, when it is paid and when it is closed."""
    count = len(date)
    paid = date + draws.below(PAYS_WITHIN[draws.pick(PAYS_SHARES, count)], count)
    eager = draws.unit(count)
    delivered = paid + 18 * HOUR + (eager * eager * (7 * DAY)).astype(np.int64)
    given_up = date + draws.below(5 * DAY, count)
    is_given_up: Bools = draws.unit(count) < GIVEN_UP
    closed = np.where(is_given_up, given_up, delivered)
    status = np.where(is_given_up, ABORTED, COMPLETED)
    return np.where(closed <= until, status, np.where(paid <= until, PAID, PENDING)), paid, closed


def order_rows(plan: Plan, chunk: Orders) -> Block:
    """Return the chunk's rows of `orders`."""
    columns: dict[str, Column] = {
        "order_id": Whole(plan.first_id("orders") + np.arange(chunk.part.start, chunk.part.stop)),
        "user_id": Whole(plan.first_id("users") + chunk.user),
        "order_date": Moment(chunk.date),
        "total_amount": Money(chunk.cents),
        "status": Words(Pool(STATUSES), chunk.status),
        "delivery_date": Moment(chunk.closed, chunk.status == COMPLETED),
    }
    return Block("orders", len(chunk.part), columns)


def line_rows(plan: Plan, chunk: Orders, lines_before: int) -> Block:
    """Return the chunk's rows of `order_details`; earlier chunks hold `lines_before` lines."""
    count = len(chunk.order)
    columns: dict[str, Column] = {
        "order_detail_id": Whole(plan.first_id("order_details") + lines_before + np.arange(count)),
        "order_id": Whole(plan.first_id("orders") + chunk.part.start + chunk.order),
        "line_number": Whole(chunk.line_number),
        "product_id": Whole(plan.first_id("products") + chunk.product),
        "quantity": Whole(chunk.quantity),
        "price_per_unit": Money(chunk.unit_cents),
        "total_price": Money(chunk.line_cents),
    }
    return Block("order_details", count, columns)
