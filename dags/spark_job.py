"""The one way in which a DAG runs a job of `spark_jobs/`: spark-submit, with the code that the executors need."""

import json
import os
from datetime import timedelta
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException

from dags.refusals import refuse
from storeline.ledger import REPORT_VARIABLE
from storeline.settings import ROOT, load

CODE = ("storeline", "spark_jobs")
# A job ends by itself in time; what is over it hangs.
MARGIN_SECONDS = 900
JARS_VARIABLE = "STORELINE_JARS"  # folder of the jars, for a cluster that does not have them


class SparkJob(SparkSubmitOperator):
    """Run `spark_jobs/<task_id>.py`; its report becomes the extra of the assets that it names by table.

    The package travels with each run, so a worker needs no copy of the repository and never runs yesterday's code.
    """

    def __init__(
        self,
        *,
        task_id: str,
        assets: dict[str, Asset],
        seconds: tuple[str, ...],
        cores: str = "spark_batch_cores",
        **arguments: Any,
    ) -> None:
        """Declare the task.

        `cores` is the setting that says how many slots the job takes, `seconds` are those whose sum it may last.
        """
        super().__init__(
            task_id=task_id,
            application=str(ROOT / "spark_jobs" / f"{task_id}.py"),
            name=task_id,
            outlets=list(assets.values()),
            **arguments,
        )
        self.assets, self.cores, self.seconds = assets, cores, seconds

    def pre_execute(self, context: Any) -> None:
        """Set the time-out. The settings are those of the process that runs the task; who parses the file has none."""
        settings = load()
        self.execution_timeout = timedelta(
            seconds=MARGIN_SECONDS + sum(getattr(settings, name) for name in self.seconds)
        )

    def execute(self, context: Any) -> None:
        """Submit, wait, and attach each table's numbers to its asset event."""
        with TemporaryDirectory(prefix="storeline-") as folder:
            report = Path(folder) / "report.json"
            self.py_files = ",".join(pack(Path(folder)))
            if jars := os.environ.get(JARS_VARIABLE):
                self.jars = ",".join(map(str, sorted(Path(jars).glob("*.jar"))))
            # Else an application takes every slot of the cluster.
            self.conf = {**(self.conf or {}), "spark.cores.max": str(getattr(load(), self.cores))}
            self.env_vars = {**(self.env_vars or {}), REPORT_VARIABLE: str(report)}
            try:
                super().execute(context)
            except AirflowException:
                if report.exists() and "refused" in (refusal := json.loads(report.read_text())):
                    refuse(self.dag_id, refusal)
                raise
            said = json.loads(report.read_text()) if self.assets else {}
        for name, asset in self.assets.items():
            numbers = said["tables"].get(name, said["tables"])
            context["outlet_events"][asset].extra = {"run_id": said["run_id"], **numbers}


def pack(folder: Path) -> list[str]:
    """Write the packages that executors import into archives; return their paths."""
    return [make_archive(str(folder / package), "zip", ROOT, package) for package in CODE]
