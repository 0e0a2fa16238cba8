"""A step of the sales pipeline as a task: its run date, and what is not retried."""

from typing import Any
from zoneinfo import ZoneInfo

from dags.assets import SALES
from dags.python_job import PythonJob
from dags.spark_job import BatchJob
from storeline.sales.steps import Step

ZONE = ZoneInfo("Europe/Moscow")
SECONDS = ("sales_timeout_seconds",)


def run_date(context: Any) -> str:
    """Return the date given to the run, otherwise its scheduled date in Moscow."""
    return str(context["params"]["run_date"] or context["dag_run"].run_after.astimezone(ZONE).date())


class SparkStep(BatchJob):
    """A step submitted to the cluster."""

    def execute(self, context: Any) -> None:
        """Submit the job with the run date."""
        self.application_args = [run_date(context)]
        super().execute(context)


class PythonStep(PythonJob):
    """A step that runs on Airflow's machine."""

    def arguments(self, context: Any) -> list[str]:
        """Return the run date."""
        return [run_date(context)]


def task_of(step: Step) -> SparkStep | PythonStep:
    """Declare a step's task."""
    assets = {step.name: SALES[step.name]}
    if step.is_on_spark:
        job = f"{step.module.replace('.', '/')}.py"
        return SparkStep(task_id=step.name, job=job, assets=assets, seconds=SECONDS)
    return PythonStep(task_id=step.name, module=step.module, assets=assets, seconds=SECONDS)
