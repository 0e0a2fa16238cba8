"""Make the weekly sales: generate the year before the run date, check it, clean it, load it, sum it up, hand it over.

Runs on Tuesdays at 12:45 in Moscow, and for the last Tuesday at once when it is unpaused for the first time. The run
date is that of the planned run in Moscow's time, or the one that you give when you trigger it; it seeds the sales, so
the same date gives the same ones. A run replaces what its date has in PostgreSQL (`sales.sales`,
`sales.sales_summary`) and ClickHouse (`sales.sales_summary`, by `import_date`), and touches no other date; a run that
fails leaves what readers see as it was. A date is worked on by one run at a time.

How many rows broke which rule: `ops.sales_reports`, the log of `validate`, and the extra of the asset
`sales.validate`; the rows themselves, with the reason, are in `rejected/` of the run date's folder in `SALES_STORAGE`.
Beyond `SALES_BAD_SHARE_LIMIT` the run stops before anything is loaded. The steps: `storeline/sales/steps.py`.
"""

from airflow.sdk import DAG, CronTriggerTimetable, Param, chain

from dags.sales_step import task_of
from storeline.sales.steps import STEPS

with DAG(
    "sales_pipeline",
    schedule=CronTriggerTimetable("45 12 * * 2", timezone="Europe/Moscow", run_immediately=True),
    catchup=False,
    max_active_runs=1,
    params={"run_date": Param(None, type=["null", "string"], format="date", description="empty: the planned date")},
    tags=["storeline"],
    doc_md=__doc__,
):
    chain(*map(task_of, STEPS))
