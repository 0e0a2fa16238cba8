"""Make the weekly sales: generate, validate, clean, load, analyse and transfer the year before the run date.

Runs on Tuesdays at 12:45 Moscow time; when first unpaused, also at once for the last Tuesday. The run date is the
scheduled date in Moscow, or the one given when triggered; it seeds the sales, so the same date gives the same sales. A
run replaces its date in PostgreSQL (`sales.sales`, `sales.sales_summary`) and ClickHouse (`sales.sales_summary`, by
`import_date`) and touches no other date; a failed run leaves what readers see unchanged. Only one run at a time works
on a date.

How many rows broke which rule: `ops.sales_reports`, the log of `validate`, and the extra of the asset `sales.validate`.
The rows themselves, with the reason, are in `rejected/` of the run date's folder in `SALES_STORAGE`. Above
`SALES_BAD_SHARE_LIMIT` the run stops before anything is loaded. The steps: `storeline/sales/steps.py`.
"""

from airflow.sdk import DAG, CronTriggerTimetable, Param, chain

from dags.sales_step import task_of
from storeline.sales.steps import STEPS

with DAG(
    "sales_pipeline",
    schedule=CronTriggerTimetable("45 12 * * 2", timezone="Europe/Moscow", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    params={"run_date": Param(None, type=["null", "string"], format="date", description="empty: the scheduled date")},
    tags=["storeline"],
    doc_md=__doc__,
):
    chain(*map(task_of, STEPS))
