"""Weeks of sales in ClickHouse, as in the pipeline's summary: some products rise from week to week, some fall."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from init_db.run import init_clickhouse
from storeline.settings import Settings
from storeline.stores import clickhouse, postgres

REGIONS, PRODUCTS = ("North", "South", "East", "West"), range(1, 13)
WEEKS = tuple(datetime.now(UTC).date() - timedelta(days=days) for days in (15, 8, 1))


def sales_of(week: date) -> dict[tuple[str, int], Decimal]:
    """Return the amount for each region and product."""
    step = WEEKS.index(week)
    return {
        (region, product): Decimal(1000 + 100 * place + (-1) ** product * 10 * product * step) / 4
        for place, region in enumerate(REGIONS)
        for product in PRODUCTS
    }


def fill_weeks(settings: Settings, weeks: Sequence[date] = WEEKS) -> None:
    """Make the table hold exactly these weeks."""
    rows = [
        f"('{week}', '{region}', {product}, 4, 8, {amount}, {amount / 4})"
        for week in weeks
        for (region, product), amount in sales_of(week).items()
    ]
    with closing(postgres.sales(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("delete from ops.sales_reports; delete from ops.sales_steps")
        for week in weeks:
            cursor.execute(
                """insert into ops.sales_reports (run_date, rule, meaning, bad_rows, checked_rows, bad_share)
                   values (%(week)s, 'region_is_known', 'a region that there is not', 3, 100, 0.03);
                   insert into ops.sales_steps (run_date, step, run_id, row_count, seconds)
                   values (%(week)s, 'generate', 'a run', 100, 1.5)""",
                {"week": week},
            )
    init_clickhouse(settings)
    with closing(clickhouse.connect(settings, is_loader=True)) as client:
        client.command("truncate table sales.sales_summary")
        if rows:
            client.command(
                "insert into sales.sales_summary "
                "(import_date, region, product_id, sales_count, quantity, sales_amount, average_sale_amount) "
                f"values {', '.join(rows)}"
            )
