"""The expected sales of a run date, computed from the raw file independently of the pipeline: in plain Python."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

REGIONS = {"North", "South", "East", "West"}
Row = dict[str, Any]


def raw_rows(root: Path, run_date: date) -> list[Row]:
    """Return the export's rows in order."""
    (file,) = (root / str(run_date) / "raw").glob("*.parquet")
    return list(pq.ParquetFile(file).read().to_pylist())


def moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def fault(row: Row, run_date: date) -> str | None:
    """Return what is wrong with a single row."""
    when = moment(row["sale_date"]) if row["sale_date"] is not None else None
    if None in row.values():
        return "missing_value"
    if not re.fullmatch(r"-?\d+", row["quantity"]) or not re.fullmatch(r"-?\d+\.\d\d", row["sale_amount"]):
        return "broken_number"
    if when is None:
        return "broken_date"
    if int(row["quantity"]) < 1:
        return "impossible_quantity"
    if Decimal(row["sale_amount"]) <= 0:
        return "impossible_amount"
    if not 1 <= row["product_id"] <= 800:
        return "unknown_product"
    if row["region"] not in REGIONS:
        return "unknown_region"
    return "future_date" if when >= datetime.combine(run_date, time(), UTC) else None


def judged(rows: Iterable[Row], run_date: date) -> tuple[dict[int, Row], Counter[str]]:
    """Return the row that counts for each sale, typed, and how many rows are rejected for each reason."""
    counting: dict[int, Row] = {}
    reasons: Counter[str] = Counter()
    for row in rows:
        if reason := fault(row, run_date):
            reasons[reason] += 1
            continue
        typed = row | {
            "quantity": int(row["quantity"]),
            "sale_date": moment(row["sale_date"]),
            "sale_amount": Decimal(row["sale_amount"]),
        }
        before = counting.get(row["sale_id"])
        reasons["duplicate"] += before is not None
        if before is None or typed["sale_date"] >= before["sale_date"]:
            counting[row["sale_id"]] = typed
    return counting, reasons


def rounded(value: Decimal, digits: str = "0.01") -> Decimal:
    return value.quantize(Decimal(digits), ROUND_HALF_UP)


def summary(rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Return the summary's rows without their date, ordered by region and product."""
    totals: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, Decimal()])
    for row in rows:
        for key in ((row["region"], row["product_id"]), (row["region"],), (row["product_id"],)):
            total = totals[key]
            total[0] += 1
            total[1] += row["quantity"]
            total[2] += row["sale_amount"]
    found = []
    for key in sorted(key for key in totals if len(key) == 2):
        region, product = key
        amount, whole = totals[key][2], totals[(region,)][2]
        better = sum(1 for other in totals if len(other) == 2 and other[0] == region and totals[other][2] > amount)
        place = (better + 1, rounded(amount / whole, "0.00000001"))
        figures = [
            (*total, rounded(total[2] / total[0])) for total in (totals[key], totals[(region,)], totals[(product,)])
        ]
        found.append((*key, *figures[0], *figures[1], *figures[2], *place))
    return found
