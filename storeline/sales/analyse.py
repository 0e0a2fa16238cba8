"""Summarise a run date's loaded sales in PostgreSQL's `sales.sales_summary`, replacing its existing summary.

Usage: python -m storeline.sales.analyse RUN_DATE
"""

import sys
from pathlib import Path

from storeline.errors import StorelineError
from storeline.sales.step import Step, main

SUMMARY = Path(__file__).with_name("sales_summary.sql")


def analyse(step: Step) -> None:
    """Replace the run date's summary in one transaction. Raises StorelineError and psycopg2.Error."""
    with step.transaction() as cursor:
        cursor.execute("delete from sales.sales_summary where run_date = %s", (step.run_date,))
        cursor.execute(SUMMARY.read_text(), {"run_date": step.run_date})
        step.numbers["rows"] = cursor.rowcount
        if not cursor.rowcount:
            raise StorelineError(f"there are no sales of {step.run_date} in PostgreSQL: run load first")


if __name__ == "__main__":
    main("analyse", analyse, sys.argv[1:])
