"""Add faults to sales in known shares: a bad row has exactly one fault, so that the findings can be checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from generators.copy_text import DAY
from generators.draw import Draws, Ints
from generators.sales import Plan, Sales
from storeline.sales.rules import DUPLICATE, PRODUCTS

# Per thousand rows.
SHARES = {
    "missing_value": 4,
    "broken_number": 3,
    "broken_date": 2,
    "impossible_quantity": 3,
    "impossible_amount": 2,
    "unknown_product": 2,
    "unknown_region": 3,
    "future_date": 3,
    DUPLICATE.name: 10,
}
KINDS = ("", *SHARES)

MISSING_IN = ("customer_id", "product_id", "quantity", "sale_date", "sale_amount", "region")
NO_NUMBERS = ("", "twelve", "1,50", "12.3.4", "NaN", "1e3", "0x1F", "--5", "∞")
NO_DATES = ("", "yesterday", "31/12/2025", "2026-02-30 10:00:00.000000Z", "2026-13-01 10:00:00.000000Z", "2026-01-01")
NO_REGIONS = ("", "Nord", "north", " North", "Center", "N/A")
HOUR = DAY // 24
Cell = int | str | None


@dataclass(frozen=True, eq=False)
class Sown:
    """Rows with faults: `cells` holds, by column and row, the value that replaces the sale's own."""

    sales: Sales
    counts: Mapping[str, int]
    cells: Mapping[str, dict[int, Cell]] = field(default_factory=dict)


def sown(plan: Plan, chunk: int, good: Sales) -> Sown:
    """Return a chunk's rows with its faults."""
    draws, count = plan.draws("faults", chunk), len(good.sale_id)
    kind = draws.pick((1000 - sum(SHARES.values()), *SHARES.values()), count)
    repeated = _repeat(draws, kind, good, plan.until)
    counts = {name: int((kind == number).sum()) for number, name in enumerate(KINDS) if number}
    cells: dict[str, dict[int, Cell]] = {}
    for name, sow in SOWN.items():
        rows = np.flatnonzero(kind == KINDS.index(name))
        for row, (column, cell) in zip(rows.tolist(), sow(draws, len(rows), plan), strict=True):
            cells.setdefault(column, {})[row] = cell
    return Sown(repeated, counts, cells)


def _repeat(draws: Draws, kind: Ints, good: Sales, until: int) -> Sales:
    """Let each duplicate repeat an earlier good row: unchanged, or later and with another quantity."""
    number = KINDS.index(DUPLICATE.name)
    rows, candidates = np.flatnonzero(kind == number), np.flatnonzero(kind == 0)
    before = np.searchsorted(candidates, rows)
    kind[rows[before == 0]] = 0  # none to repeat
    rows, before = rows[before > 0], before[before > 0]
    origins = candidates[draws.below(before, len(rows))]
    is_changed = draws.below(2, len(rows)) == 1
    quantity = np.where(is_changed, 1 + draws.below(6, len(rows)), good.quantity[origins])
    later = np.where(is_changed, draws.below(HOUR, len(rows)), 0)
    values: dict[str, Ints] = {
        "sale_id": good.sale_id[origins],
        "customer_id": good.customer_id[origins],
        "product_id": good.product_id[origins],
        "quantity": quantity,
        "micros": np.minimum(good.micros[origins] + later, until - 1),
        "cents": good.cents[origins] // good.quantity[origins] * quantity,
        "region": good.region[origins],
    }
    changed = {}
    for name, some in values.items():
        changed[name] = getattr(good, name).copy()
        changed[name][rows] = some
    return replace(good, **changed)


def _picked(draws: Draws, count: int, pool: tuple[Any, ...]) -> list[Any]:
    return [pool[position] for position in draws.below(len(pool), count)]


def _missing(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    return [(column, None) for column in _picked(draws, count, MISSING_IN)]


def _no_numbers(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    columns = _picked(draws, count, ("quantity", "sale_amount"))
    return list(zip(columns, _picked(draws, count, NO_NUMBERS), strict=True))


def _impossible_quantities(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    return [("quantity", str(-number)) for number in draws.below(10, count).tolist()]


def _impossible_amounts(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    return [("sale_amount", f"-{number}.00" if number else "0.00") for number in draws.below(1000, count).tolist()]


def _unknown_products(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    return [("product_id", PRODUCTS + n if n else 0) for n in draws.below(100, count).tolist()]


def _future_dates(draws: Draws, count: int, plan: Plan) -> list[tuple[str, Cell]]:
    moments = plan.until + draws.below(30 * DAY, count)
    return [("sale_date", moment_text(micros)) for micros in moments.tolist()]


def moment_text(micros: int) -> str:
    """Return a timestamp as the export writes it."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros):%Y-%m-%d %H:%M:%S.%f}Z"


SOWN: dict[str, Callable[[Draws, int, Plan], list[tuple[str, Cell]]]] = {
    "missing_value": _missing,
    "broken_number": _no_numbers,
    "broken_date": lambda draws, count, plan: [("sale_date", text) for text in _picked(draws, count, NO_DATES)],
    "impossible_quantity": _impossible_quantities,
    "impossible_amount": _impossible_amounts,
    "unknown_product": _unknown_products,
    "unknown_region": lambda draws, count, plan: [("region", text) for text in _picked(draws, count, NO_REGIONS)],
    "future_date": _future_dates,
}
