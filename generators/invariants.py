"""What holds in the shop at every moment, as SQL that PostgreSQL and MySQL's replica both understand.

`{shop}` stands for the schema or database. Of orders that came as events, the shop books neither stock nor points.
"""

from collections.abc import Mapping
from decimal import Decimal

from generators.live.goods import LOT
from generators.loyalty import CENTS_FOR_A_POINT

# Each returns the rows that break the rule.
RULES = {
    "an order's total is the sum of its lines": """select o.order_id, o.total_amount, sum(d.total_price)
        from {shop}.orders as o left join {shop}.order_details as d on d.order_id = o.order_id
        group by o.order_id, o.total_amount having coalesce(sum(d.total_price), -1) <> o.total_amount""",
    "a line's total is its quantity × its price": """select order_detail_id from {shop}.order_details
        where total_price <> quantity * price_per_unit""",
    "the shop numbers an order's lines from 1": """select o.order_id
        from {shop}.orders as o join {shop}.order_details as d on d.order_id = o.order_id
        where o.web_order_id is null
        group by o.order_id
        having min(d.line_number) <> 1 or max(d.line_number) <> count(distinct d.line_number)
            or count(d.line_number) <> count(distinct d.line_number)""",
    "a line belongs to an order and a product": """select d.order_detail_id from {shop}.order_details as d
        left join {shop}.orders as o on o.order_id = d.order_id
        left join {shop}.products as p on p.product_id = d.product_id
        where o.order_id is null or p.product_id is null""",
    "orders, reviews and points belong to a user": """select found.what, found.id
        from (select 'order' as what, order_id as id, user_id from {shop}.orders
              union all select 'review', review_id, user_id from {shop}.reviews
              union all select 'points', loyalty_id, user_id from {shop}.loyalty_points) as found
        left join {shop}.users as u on u.user_id = found.user_id where u.user_id is null""",
    "an e-mail belongs to one user": "select email from {shop}.users group by email having count(*) > 1",
    "no e-mail stays in the middle of a swap": "select email from {shop}.users where email like '%@swap.invalid'",
    "an order is delivered exactly when it is completed": """select order_id from {shop}.orders
        where (status = 'Completed') <> (delivery_date is not null) or delivery_date < order_date""",
    "points are negative exactly for a refund": """select loyalty_id from {shop}.loyalty_points
        where (reason = 'Refund') <> (points < 0)""",
    "no stock is negative": "select product_id from {shop}.products where stock_quantity < 0",
}
# Each returns a key and a number that no transaction of the living shop changes, whatever the shop began with.
BALANCES = {
    # A user's points, less those that the user's orders earn in their present status.
    "points": f"""select u.user_id, coalesce(l.points, 0) - coalesce(o.points, 0)
        from {{shop}}.users as u
        left join (select user_id, sum(points) as points from {{shop}}.loyalty_points
                   where reason in ('Order', 'Refund') group by user_id) as l on l.user_id = u.user_id
        left join (select user_id, sum(greatest(floor(total_amount * 100 / {CENTS_FOR_A_POINT}), 1)) as points
                   from {{shop}}.orders where web_order_id is null and status in ('Paid', 'Completed')
                   group by user_id) as o on o.user_id = u.user_id""",
    # A product's pieces, those in stock and those sold; deliveries are whole lots and so leave no trace.
    "pieces": f"""select p.product_id, mod(p.stock_quantity + coalesce(s.quantity, 0), {LOT})
        from {{shop}}.products as p
        left join (select d.product_id, sum(d.quantity) as quantity
                   from {{shop}}.order_details as d join {{shop}}.orders as o on o.order_id = d.order_id
                   where o.web_order_id is null and o.status <> 'Aborted'
                   group by d.product_id) as s on s.product_id = p.product_id""",
}

Balances = Mapping[int, Decimal | int]


def moved(before: Balances, after: Balances) -> dict[int, Decimal | int]:
    """Return the balances that are not what they were; one that was not there before has to be 0."""
    return {key: value for key, value in after.items() if value != before.get(key, 0)}
