"""What a sale is: the export's columns, and the rules that a row must satisfy to count.

In the export ids are numbers; everything else is text, and may be anything.
"""

from dataclasses import dataclass
from datetime import date

REGIONS = ("North", "South", "East", "West")
PRODUCTS = 800

RAW = {
    "sale_id": "bigint",
    "customer_id": "bigint",
    "product_id": "bigint",
    "quantity": "string",
    "sale_date": "string",
    "sale_amount": "string",
    "region": "string",
}
# The same columns of a row that satisfies all rules; each is parsed from RAW's text, in Spark SQL.
TYPED = {
    "sale_id": ("bigint", "sale_id"),
    "customer_id": ("bigint", "customer_id"),
    "product_id": ("bigint", "product_id"),
    "quantity": ("bigint", "try_cast(quantity as bigint)"),
    "sale_date": ("timestamp", "try_cast(sale_date as timestamp)"),
    "sale_amount": ("decimal(14,2)", "try_cast(sale_amount as decimal(14,2))"),
    "region": ("string", "region"),
}

WHOLE = "^-?[0-9]{1,9}$"
MONEY = "^-?[0-9]{1,12}[.][0-9]{2}$"
MOMENT = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$"


@dataclass(frozen=True)
class Rule:
    """A rule for one row. `broken` is a Spark SQL condition over the export's columns, where null means satisfied.

    `typed_…` is a column with its type, null if its text does not parse; `{run_date}` is a date.
    """

    name: str
    meaning: str
    broken: str


# A row is bad by the first rule that it breaks.
RULES = (
    Rule("missing_value", "every column has a value", " or ".join(f"{column} is null" for column in RAW)),
    Rule(
        "broken_number",
        "quantity is a whole number, sale_amount an amount with two decimals",
        f"not quantity rlike '{WHOLE}' or not sale_amount rlike '{MONEY}'",
    ),
    Rule(
        "broken_date",
        "sale_date is a moment in UTC such as 2026-01-31 12:00:00.000000Z",
        f"not sale_date rlike '{MOMENT}' or typed_sale_date is null",
    ),
    Rule("impossible_quantity", "quantity is at least 1", "typed_quantity < 1"),
    Rule("impossible_amount", "sale_amount is more than 0", "typed_sale_amount <= 0"),
    Rule("unknown_product", f"product_id is one of 1 to {PRODUCTS}", f"product_id not between 1 and {PRODUCTS}"),
    Rule("unknown_region", f"region is one of {', '.join(REGIONS)}", f"region not in {REGIONS}"),
    Rule(
        "future_date",
        "sale_date is before the run date, which begins at midnight UTC",
        "typed_sale_date >= timestamp '{run_date} 00:00:00Z'",
    ),
)
# Among the rows that satisfy all of these, a sale_id counts once: by its latest sale_date, then by its last row.
DUPLICATE = Rule("duplicate", "a sale_id counts once: the latest sale_date wins, then the last row", "")


def first_broken(run_date: date) -> str:
    """Return a Spark SQL expression for the name of the first rule that a row breaks, null if it breaks none."""
    cases = " ".join(f"when {rule.broken} then '{rule.name}'" for rule in RULES)
    return f"case {cases} end".replace("{run_date}", str(run_date))
