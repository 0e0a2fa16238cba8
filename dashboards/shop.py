"""The board *Shop*: orders, revenue, loyalty, ratings and delivery, from the marts in MySQL."""

from dashboards.boards import Board, Variable
from dashboards.panels import COUNT, DAYS, DOLLARS, Panel, number, stat, text, time
from dashboards.sources import MYSQL

PICKED = """from marts.user_sales
where $__timeFilter(order_month) and loyalty_status in (${loyalty:sqlstring})"""
BY_MONTH = f"{PICKED}\ngroup by order_month\norder by order_month"
# A mean of means, weighted by the delivered orders.
DELIVERY = """sum(avg_delivery_period * completed_orders)
        / nullif(sum(if(avg_delivery_period is null, 0, completed_orders)), 0)"""


def _picked(title: str, about: str, column: str, value: str, unit: str) -> Panel:
    sql = f"select {value} as {column}\n{PICKED}"
    return stat(title, about, MYSQL, sql, number(column, unit))


def _bars(title: str, about: str, sql: str, label: str, value: str, unit: str = COUNT) -> Panel:
    return Panel(title, about, "barchart", MYSQL, sql, (text(label), number(value, unit)), width=8)


BOARD = Board(
    uid="storeline-shop",
    title="Shop",
    about="Orders, revenue, loyalty, ratings and delivery times of the shop, from the marts.",
    variables=(
        Variable(
            "loyalty",
            "Loyalty status",
            MYSQL,
            "select distinct loyalty_status from marts.user_sales order by loyalty_status",
            many=True,
        ),
    ),
    panels=(
        _picked("Orders", "Orders in every status.", "orders", "coalesce(sum(orders_cnt), 0)", COUNT),
        _picked("Revenue", "Revenue of all orders except aborted ones.", "revenue", "sum(total_revenue)", DOLLARS),
        _picked(
            "Average order",
            "Mean order amount, in every status.",
            "average_order",
            "sum(total_order_amount) / nullif(sum(orders_cnt), 0)",
            DOLLARS,
        ),
        _picked("Delivery", "Mean days from order to delivery.", "delivery", DELIVERY, DAYS),
        Panel(
            "Orders by month",
            "Orders of each month by their current status.",
            "timeseries",
            MYSQL,
            f"""select
    cast(order_month as datetime) as time,
    sum(completed_orders) as completed,
    sum(paid_orders) as paid,
    sum(pending_orders) as pending,
    sum(aborted_orders) as aborted
{BY_MONTH}""",
            (time(), *(number(status) for status in ("completed", "paid", "pending", "aborted"))),
            stacked=True,
        ),
        Panel(
            "Revenue by month",
            "Revenue of each month's orders, without aborted ones.",
            "timeseries",
            MYSQL,
            f"select cast(order_month as datetime) as time, sum(total_revenue) as revenue\n{BY_MONTH}",
            (time(), number("revenue", DOLLARS)),
        ),
        Panel(
            "Delivery time by month",
            "Mean days from order to delivery.",
            "timeseries",
            MYSQL,
            f"select\n    cast(order_month as datetime) as time,\n    {DELIVERY} as delivery\n{BY_MONTH}",
            (time(), number("delivery", DAYS)),
            width=8,
        ),
        _bars(
            "Revenue by loyalty status",
            "Revenue of all orders except aborted ones, by the users' current status.",
            f"select loyalty_status, sum(total_revenue) as revenue\n{PICKED}\ngroup by loyalty_status\n"
            "order by revenue desc",
            "loyalty_status",
            "revenue",
            DOLLARS,
        ),
        _bars(
            "Loyalty points",
            "Mean current points of the users of each status.",
            """select loyalty_status, avg(total_loyalty_points) as points
from marts.mart_user_loyalty_points
where loyalty_status in (${loyalty:sqlstring})
group by loyalty_status
order by points desc""",
            "loyalty_status",
            "points",
        ),
        _bars(
            "Categories",
            "The ten categories with the most revenue, in every status and month.",
            "select name as category, total_sales as sales\nfrom marts.sales_category\n"
            "order by total_sales desc, category_id\nlimit 10",
            "category",
            "sales",
            DOLLARS,
        ),
        _bars(
            "Average check",
            "Mean completed order by the users' current status.",
            """select loyalty_status, average_check
from marts.mart_average_check
where status = 'Completed' and loyalty_status in (${loyalty:sqlstring})
order by average_check desc""",
            "loyalty_status",
            "average_check",
            DOLLARS,
        ),
        _bars(
            "Ratings",
            "Products by their mean rating, rounded to whole stars.",
            """select concat(round(rating), ' stars') as stars, count(*) as products
from marts.mart_product_rating
where rating is not null
group by stars
order by stars""",
            "stars",
            "products",
        ),
        Panel(
            "Products that sell, and how they are rated",
            "The fifteen products with the most revenue, in every status and month.",
            "table",
            MYSQL,
            """select r.name as product, r.rating, s.total_sold as sold, s.total_revenue as revenue
from marts.ProductSales as s
inner join marts.mart_product_rating as r on s.product_id = r.product_id
order by s.total_revenue desc, s.product_id
limit 15""",
            (text("product"), number("rating", "short"), number("sold"), number("revenue", DOLLARS)),
            width=24,
            height=11,
        ),
    ),
)
