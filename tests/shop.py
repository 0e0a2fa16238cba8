"""A generated shop as plain rows, parsed from its COPY text."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from generators.columns import Block
from generators.plan import Plan
from generators.shop import blocks

UNTIL = datetime(2026, 11, 22, tzinfo=UTC)
DEFAULT = Plan(
    users=500,
    categories=20,
    products=800,
    orders=3000,
    reviews=2000,
    loyalty_entries=3000,
    seed=42,
    until=int(UNTIL.timestamp()) * 1_000_000,
    days=365,
)
MONEY = {"price", "total_amount", "price_per_unit", "total_price"}
MOMENTS = {"registration_date", "creation_date", "order_date", "delivery_date", "created_at"}
TEXTS = {"first_name", "last_name", "email", "phone", "loyalty_status", "name", "description", "status"}
TEXTS |= {"review_text", "reason"}

Row = dict[str, Any]


def shop(plan: Plan = DEFAULT, **changes: Any) -> dict[str, list[Row]]:
    """Return the rows of all tables of a shop."""
    return tables(blocks(replace(plan, **changes)))


def tables(made: Iterable[Block]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for block in made:
        lines = block.copy_text().decode().split("\n")[:-1]
        assert len(lines) == block.count
        rows = (dict(zip(block.columns, line.split("\t"), strict=True)) for line in lines)
        found.setdefault(block.table, []).extend(
            {name: _value(name, text) for name, text in row.items()} for row in rows
        )
    return found


def _value(name: str, text: str) -> Any:
    if text == r"\N":
        return None
    if name in TEXTS:
        return text
    if name in MOMENTS:
        return datetime.fromisoformat(text)
    return Decimal(text) if name in MONEY else int(text)
