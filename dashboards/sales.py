"""The board *Sales*: the weekly sales in ClickHouse, one week next to the others."""

from dashboards.boards import Board, Variable
from dashboards.panels import DOLLARS, RED, SECONDS, SHARE, Panel, number, stat, text, time
from dashboards.sources import CLICKHOUSE, POSTGRES

# Each week's run covers the year before it, so weeks are compared by their `import_date`.
PICKED = """from sales.sales_summary
where toString(import_date) = ${week:sqlstring} and region in (${region:sqlstring})"""


def _two_weeks(by: str, having: str = "") -> str:
    return f"""select
    {by},
    sumIf(sales_amount, toString(import_date) = ${{week:sqlstring}}) as this_week,
    sumIf(sales_amount, import_date = before.week) as week_before{having}
from sales.sales_summary
cross join (
    select max(import_date) as week from sales.sales_summary where toString(import_date) < ${{week:sqlstring}}
) as before
where region in (${{region:sqlstring}})
    and (toString(import_date) = ${{week:sqlstring}} or import_date = before.week)"""


def _moving(direction: str) -> str:
    product = "concat('product ', toString(product_id)) as product"
    change = """,
    toFloat64(this_week - week_before) / nullIf(toFloat64(week_before), 0) as change"""
    return f"""{_two_weeks(product, change)}
group by product
having week_before > 0
order by change {direction}, product
limit 10"""


MOVING = (text("product"), number("this_week", DOLLARS), number("week_before", DOLLARS), number("change", SHARE))

BOARD = Board(
    uid="storeline-sales",
    title="Sales",
    about="The sales that each weekly run of sales_pipeline has brought, by region and product.",
    variables=(
        Variable(
            "week",
            "Week",
            CLICKHOUSE,
            "select distinct toString(import_date) as week from sales.sales_summary order by week desc",
        ),
        Variable(
            "region",
            "Region",
            CLICKHOUSE,
            "select distinct region from sales.sales_summary order by region",
            many=True,
        ),
    ),
    panels=(
        stat(
            "Sales",
            "Revenue of the selected week's run, in the selected regions.",
            CLICKHOUSE,
            f"select sum(sales_amount) as sales\n{PICKED}",
            number("sales", DOLLARS),
        ),
        stat(
            "Number of sales",
            "Number of sales of the selected week's run, in the selected regions.",
            CLICKHOUSE,
            f"select sum(sales_count) as number\n{PICKED}",
            number("number"),
        ),
        stat(
            "Average check",
            "Mean amount of a sale.",
            CLICKHOUSE,
            f"select toFloat64(sum(sales_amount)) / nullIf(sum(sales_count), 0) as average_check\n{PICKED}",
            number("average_check", DOLLARS),
        ),
        stat(
            "Against the week before",
            "Change in revenue since the previous run; empty for the first week.",
            CLICKHOUSE,
            f"select toFloat64(this_week - week_before) / nullIf(toFloat64(week_before), 0) as change\nfrom (\n"
            f"{_two_weeks('count() as products')}\n)",
            number("change", SHARE),
        ),
        Panel(
            "Sales by region",
            "The selected week next to the previous one.",
            "barchart",
            CLICKHOUSE,
            f"{_two_weeks('region')}\ngroup by region\norder by region",
            (text("region"), number("this_week", DOLLARS), number("week_before", DOLLARS)),
        ),
        Panel(
            "Top products",
            "The ten products with the most revenue in the selected week.",
            "barchart",
            CLICKHOUSE,
            f"""select concat('product ', toString(product_id)) as product, sum(sales_amount) as sales
{PICKED}
group by product
order by sales desc, product
limit 10""",
            (text("product"), number("sales", DOLLARS)),
        ),
        Panel(
            "Week against week",
            "Revenue of every week's run, by region.",
            "timeseries",
            CLICKHOUSE,
            """select
    toDateTime(import_date, 'UTC') as time,
    sumIf(sales_amount, region = 'North') as north,
    sumIf(sales_amount, region = 'South') as south,
    sumIf(sales_amount, region = 'East') as east,
    sumIf(sales_amount, region = 'West') as west
from sales.sales_summary
where region in (${region:sqlstring})
group by time
order by time""",
            (time(), *(number(region, DOLLARS) for region in ("north", "south", "east", "west"))),
        ),
        Panel(
            "Average check by week",
            "Mean amount of a sale in every week's run.",
            "timeseries",
            CLICKHOUSE,
            """select
    toDateTime(import_date, 'UTC') as time,
    toFloat64(sum(sales_amount)) / sum(sales_count) as average_check
from sales.sales_summary
where region in (${region:sqlstring})
group by time
order by time""",
            (time(), number("average_check", DOLLARS)),
        ),
        Panel(
            "Falling products",
            "The ten products that lost most since the previous week.",
            "table",
            CLICKHOUSE,
            _moving("asc"),
            (*MOVING[:3], number("change", SHARE, (-1.0, RED), (0.0, "green"))),
        ),
        Panel(
            "Rising products",
            "The ten products that gained most since the previous week.",
            "table",
            CLICKHOUSE,
            _moving("desc"),
            MOVING,
        ),
        Panel(
            "What the checks found",
            "Rows of the selected week's file that broke a rule; they are kept, but not in the sales.",
            "table",
            POSTGRES,
            """select rule, meaning, bad_rows, checked_rows, bad_share
from ops.sales_reports
where run_date::text = ${week:sqlstring}
order by bad_rows desc, rule""",
            (text("rule"), text("meaning"), number("bad_rows"), number("checked_rows"), number("bad_share", SHARE)),
        ),
        Panel(
            "Steps of the run",
            "The last run of each step for the selected week, and how long it took.",
            "table",
            POSTGRES,
            """select step, row_count as number_of_rows, seconds, ended_at as ended
from ops.sales_steps
where run_date::text = ${week:sqlstring}
order by ended_at""",
            (text("step"), number("number_of_rows"), number("seconds", SECONDS), time("ended")),
        ),
    ),
)
