"""Orders: placed with their lines, paid, completed, aborted, deleted.

Stock goes with the lines and comes back when the order is aborted. Points are earned by paying and taken back by a
refund. An order of the web shop, whose events decide its status, is left alone.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from psycopg2.extras import execute_values

from generators.live.transaction import Transaction
from generators.loyalty import CENTS_FOR_A_POINT
from generators.orders import DISCOUNT_SHARES, DISCOUNTS, LINES, QUANTITIES

CENT = Decimal("0.01")
CUSTOMER = """select user_id from source.users where user_id >= %(number)s
    order by user_id limit 1 for key share skip locked"""
IN_STOCK = """select product_id, price, stock_quantity from source.products
    where product_id = any(%(numbers)s) and stock_quantity > 0 order by product_id for no key update skip locked"""
PLACE = """insert into source.orders (user_id, order_date, total_amount, status)
    values (%(user)s, now(), %(total)s, 'Pending') returning order_id"""
ADD_LINES = """insert into source.order_details
    (order_id, line_number, product_id, quantity, price_per_unit, total_price) values %s"""
TAKE = """update source.products as p set stock_quantity = p.stock_quantity - taken.quantity
    from (values %s) as taken (product_id, quantity) where p.product_id = taken.product_id"""
FIND = """select order_id, user_id, total_amount, status from source.orders
    where order_id > %(oldest)s and web_order_id is null and status = any(%(statuses)s)
    order by abs(order_id - %(near)s), order_id limit 1 for no key update skip locked"""
BOUGHT = """select product_id, sum(quantity)::int from source.order_details where order_id = %(order)s
    group by product_id order by product_id"""
LOCK = """select product_id from source.products where product_id = any(%(numbers)s)
    order by product_id for no key update nowait"""
REWARD = """insert into source.loyalty_points (user_id, points, reason, created_at)
    values (%(user)s, %(points)s, %(reason)s, now())"""


@dataclass(frozen=True)
class Basket:
    """An order whose row is written and whose lines are not yet."""

    order_id: int
    lines: tuple[tuple[int, int, Decimal], ...]  # product, quantity, price of one


def place(one: Transaction) -> bool:
    """Place an order with its lines."""
    basket = begin(one)
    if basket:
        finish(one, basket)
    return basket is not None


def begin(one: Transaction) -> Basket | None:
    """Write the row of an order; its total already counts the lines that `finish` writes."""
    customer = one.one(CUSTOMER, number=one.somewhere("users", "user_id"))
    last, random = one.last("products", "product_id"), one.random
    (count,) = random.choices(range(1, len(LINES) + 1), LINES)
    # Squared, so that some products sell much better than others.
    numbers = sorted({1 + int(random.random() ** 2 * last) for _ in range(count)})
    lines = []
    for product, price, stock in one.all(IN_STOCK, numbers=numbers):
        (quantity,) = random.choices(range(1, len(QUANTITIES) + 1), QUANTITIES)
        (discount,) = random.choices(DISCOUNTS.tolist(), DISCOUNT_SHARES)
        paid = (price * (100 - discount) / 100).quantize(CENT, ROUND_HALF_UP)
        lines.append((product, min(quantity, stock), paid))
    if not customer or not lines:
        return None
    total = sum(quantity * price for _, quantity, price in lines)
    (order_id,) = one.one(PLACE, user=customer[0], total=total) or (0,)
    return Basket(order_id, tuple(lines))


def finish(one: Transaction, basket: Basket) -> None:
    """Write an order's lines and take them out of the stock."""
    rows: list[tuple[Any, ...]] = [
        (basket.order_id, number, product, quantity, price, quantity * price)
        for number, (product, quantity, price) in enumerate(basket.lines, 1)
    ]
    execute_values(one.cursor, ADD_LINES, rows)
    execute_values(one.cursor, TAKE, [(product, quantity) for product, quantity, _ in basket.lines])


def pay(one: Transaction) -> bool:
    """Pay a pending order and earn its points."""
    if not (found := find(one, "Pending")):
        return False
    order, user, total, _ = found
    one.do("update source.orders set status = 'Paid' where order_id = %(order)s", order=order)
    one.do(REWARD, user=user, points=points(total), reason="Order")
    return True


def complete(one: Transaction) -> bool:
    """Deliver a paid order."""
    if not (found := find(one, "Paid")):
        return False
    # A generated order may be dated later than today: SHOP_UNTIL says when its history ends.
    change = """update source.orders set status = 'Completed', delivery_date = greatest(now(), order_date)
        where order_id = %(order)s"""
    one.do(change, order=found[0])
    return True


def abort(one: Transaction) -> bool:
    """Abort an open order: its goods return to the stock, and its points are taken back when it was paid."""
    if not (found := find(one, "Pending", "Paid")):
        return False
    order, user, total, status = found
    bought = one.all(BOUGHT, order=order)
    one.do(LOCK, numbers=[product for product, _ in bought])
    execute_values(one.cursor, TAKE, [(product, -quantity) for product, quantity in bought])
    one.do("update source.orders set status = 'Aborted' where order_id = %(order)s", order=order)
    if status == "Paid":
        one.do(REWARD, user=user, points=-points(total), reason="Refund")
    return True


def delete(one: Transaction) -> bool:
    """Delete an aborted order with its lines."""
    if not (found := find(one, "Aborted")):
        return False
    for table in ("order_details", "orders"):
        one.do(f"delete from source.{table} where order_id = %(order)s", order=found[0])  # nosec B608
    return True


def find(one: Transaction, *statuses: str) -> tuple[Any, ...] | None:
    """Return a recent order in one of the statuses: number, user, total, status."""
    return one.one(FIND, **one.recently("orders", "order_id"), statuses=list(statuses))


def points(total: Decimal) -> int:
    """Return the points of an order."""
    return max(int(total * 100) // CENTS_FOR_A_POINT, 1)
