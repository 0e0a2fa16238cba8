"""Run a job of `spark_jobs/` from a DAG: spark-submit, with the code that the executors need."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.refusals import refuse
from storeline import batch_runs
from storeline.ledger import REPORT_VARIABLE
from storeline.settings import ROOT, load
from storeline.task import TASK_VARIABLE, alive

CODE = ("storeline", "spark_jobs")
# A job ends on time by itself; one that exceeds its time by this much hangs.
MARGIN_SECONDS = 900
SEPARATOR = "|"
# States of tasks that Airflow still owns; a queued try starts by ending the leftovers of earlier ones.
ALIVE_STATES = {"running", "restarting", "deferred", "queued", "scheduled"}
JARS_VARIABLE = "STORELINE_JARS"  # folder of jars, for a cluster without them


class SparkJob(SparkSubmitOperator):
    """Run a job, by default `spark_jobs/<task_id>.py`; its report becomes the extra of its assets.

    The code travels with each run, so workers need no copy of the repository and never run old code.
    """

    def __init__(
        self,
        *,
        task_id: str,
        assets: dict[str, Asset],
        seconds: tuple[str, ...],
        cores: str = "spark_batch_cores",
        job: str | None = None,
        **arguments: Any,
    ) -> None:
        """Declare the task.

        `cores` names the setting for the job's slots, and `seconds` those that add up to its maximum time; `job` is its
        path in the repository when it is not named after the task.
        """
        super().__init__(
            task_id=task_id,
            application=str(ROOT / (job or f"spark_jobs/{task_id}.py")),
            name=task_id,
            outlets=list(assets.values()),
            **arguments,
        )
        self.assets, self.cores, self.seconds = assets, cores, seconds

    def pre_execute(self, context: Any) -> None:
        """Set the timeout here: only the process that runs the task has the settings, the DAG parser does not."""
        self.execution_timeout = time_out(self.seconds)

    def execute(self, context: Any) -> None:
        """Submit, wait, and attach each table's numbers to its asset event."""
        self._end_given_up(context["ti"])
        with (
            TemporaryDirectory(prefix="storeline-") as folder,
            alive(name_of(context["ti"]), Path(folder)) as variables,
        ):
            report = Path(folder) / "report.json"
            self.py_files = ",".join(pack(Path(folder)))
            if jars := os.environ.get(JARS_VARIABLE):
                self.jars = ",".join(map(str, sorted(Path(jars).glob("*.jar"))))
            # Otherwise an application takes every slot of the cluster.
            self.conf = {**(self.conf or {}), "spark.cores.max": str(getattr(load(), self.cores))}
            self.env_vars = {**(self.env_vars or {}), REPORT_VARIABLE: str(report), **variables}
            self._hook = self._get_hook()
            # Its own process group, so that ending the run ends all its processes: Java and the driver's Python.
            self._hook.submit = partial(self._hook.submit, start_new_session=True)  # type: ignore[method-assign]
            try:
                super().execute(context)
            except AirflowException as error:
                self._end_processes()
                if report.exists() and "refused" in (refusal := json.loads(report.read_text())):
                    self.refuse(refusal)
                if not self._has_published(report):
                    raise
                self.log.warning("the run had published all tables before it ended: %s", error)
            said = json.loads(report.read_text()) if self.assets else {}
        tell(context, self.assets, said)

    def refuse(self, refusal: dict[str, Any]) -> None:
        """Raise AirflowFailException with the line of a job that failed permanently."""
        refuse(self.dag_id, refusal)

    def on_kill(self) -> None:
        """Kill the run's processes and its MySQL sessions, so that it can no longer publish."""
        self._end_processes()
        super().on_kill()
        mine = (self.env_vars or {}).get(TASK_VARIABLE)
        self._end_runs(lambda name: name == mine, "Airflow has ended its task")

    def _end_processes(self) -> None:
        if self._hook is not None and (submitted := self._hook._submit_sp) is not None:
            with suppress(ProcessLookupError):
                os.killpg(submitted.pid, signal.SIGKILL)

    def _end_given_up(self, ti: Any) -> None:
        """End what earlier tries and runs of this task left behind when Airflow itself was killed."""

        def is_given_up(name: str) -> bool:
            dag_id, run_id, number = name.rsplit(SEPARATOR, 2) if name.count(SEPARATOR) == 2 else ("", "", "0")
            if dag_id != ti.dag_id:
                return False
            if run_id == ti.run_id:
                return int(number) < int(ti.try_number)
            states = ti.get_task_states(dag_id=dag_id, task_ids=[self.task_id], run_ids=[run_id])
            # A run unknown to this Airflow may belong to another one.
            return run_id in states and str(states[run_id].get(self.task_id)) not in ALIVE_STATES

        self._end_runs(is_given_up, "Airflow had given up its task")

    def _end_runs(self, is_ended: Callable[[str], bool], why: str) -> None:
        if self.task_id in batch_runs.JOBS:
            try:
                for line in batch_runs.end(load(), self.task_id, is_ended, why):
                    self.log.warning("%s", line)
            except batch_runs.UNREACHABLE as error:
                self.log.warning("cannot ask MySQL for earlier runs: %s", error)

    def _has_published(self, report: Path) -> bool:
        if self.task_id not in batch_runs.JOBS or not report.exists():
            return False
        try:
            return batch_runs.has_published(load(), self.task_id, json.loads(report.read_text())["run_id"])
        except batch_runs.UNREACHABLE:
            return False


class BatchJob(SparkJob):
    """A job that is started by a schedule or by assets, so a refusal fails its run and leaves the DAG on."""

    def refuse(self, refusal: dict[str, Any]) -> None:
        """Raise AirflowFailException with the job's line; the next run may find what it lacks."""
        raise AirflowFailException(refusal["refused"])


def time_out(seconds: tuple[str, ...]) -> timedelta:
    """Return the time after which a job counts as hung, for the settings that add up to its maximum time."""
    settings = load()
    return timedelta(seconds=MARGIN_SECONDS + sum(getattr(settings, name) for name in seconds))


def tell(context: Any, assets: dict[str, Asset], said: dict[str, Any]) -> None:
    """Attach a job's report to the events of its assets, by name where it has several."""
    for name, asset in assets.items():
        numbers = said["tables"].get(name, said["tables"])
        context["outlet_events"][asset].extra = {"run_id": said["run_id"], **numbers}


def name_of(ti: Any) -> str:
    """Return a name that is unique to this try of a task."""
    return SEPARATOR.join((ti.dag_id, ti.run_id, str(ti.try_number)))


def pack(folder: Path) -> list[str]:
    """Zip the packages that executors import; return the archives' paths.

    Compiled Python is left out: it may belong to another user or another version.
    """
    archives = [folder / f"{package}.zip" for package in CODE]
    for package, archive in zip(CODE, archives, strict=True):
        with ZipFile(archive, "w", strict_timestamps=False) as packed:
            for path in sorted((ROOT / package).rglob("*")):
                if "__pycache__" not in path.parts and path.is_file():
                    packed.write(path, path.relative_to(ROOT))
    return list(map(str, archives))
