"""What validate found for a run date: a table in `ops`, and the limit beyond which nothing is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from psycopg2.extensions import cursor as Cursor

from storeline.errors import Refusal
from storeline.sales.rules import Rule


@dataclass(frozen=True)
class Finding:
    """How many rows break this rule first, and the first of them."""

    rule: Rule
    rows: int
    example: str | None


def write(cursor: Cursor, run_date: date, findings: Sequence[Finding], checked: int) -> None:
    """Write the report, replacing the run date's earlier one."""
    cursor.execute("delete from ops.sales_reports where run_date = %s", (run_date,))
    for one in findings:
        cursor.execute(
            """insert into ops.sales_reports (run_date, rule, meaning, bad_rows, checked_rows, bad_share, example)
               values (%s, %s, %s, %s, %s, %s, %s)""",
            (run_date, one.rule.name, one.rule.meaning, one.rows, checked, one.rows / checked, one.example),
        )


def hold_to_limit(findings: Sequence[Finding], checked: int, limit: float) -> None:
    """Raise Refusal when the share of bad rows exceeds the limit."""
    bad, worst = sum(one.rows for one in findings), max(findings, key=lambda one: one.rows)
    if bad > limit * checked:
        raise Refusal(
            f"{bad / checked:.2%} of the rows are bad, more than SALES_BAD_SHARE_LIMIT ({limit:.2%}), most of them by "
            f"{worst.rule.name} ({worst.rows} of {checked}): see ops.sales_reports; nothing was loaded"
        )
