"""Run a job without Spark from a DAG: as a local process."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from dags.spark_job import name_of, tell, time_out
from storeline.ledger import REPORT_VARIABLE
from storeline.task import alive


class PythonJob(BaseOperator):
    """Run a module of the repository with `arguments`; its report becomes the extra of its assets."""

    def __init__(
        self, *, task_id: str, module: str, assets: dict[str, Asset], seconds: tuple[str, ...], **arguments: Any
    ) -> None:
        """Declare the task; the settings in `seconds` add up to the job's maximum time."""
        super().__init__(task_id=task_id, outlets=list(assets.values()), **arguments)
        self.module, self.assets, self.seconds = module, assets, seconds
        self.process: subprocess.Popen[str] | None = None

    def arguments(self, context: Any) -> list[str]:
        """Return the module's arguments."""
        return []

    def pre_execute(self, context: Any) -> None:
        """Set the timeout here: only the process that runs the task has the settings, the DAG parser does not."""
        self.execution_timeout = time_out(self.seconds)

    def execute(self, context: Any) -> None:
        """Run the module, log its output, and attach its numbers to its assets' events."""
        with (
            TemporaryDirectory(prefix="storeline-") as folder,
            alive(name_of(context["ti"]), Path(folder)) as variables,
        ):
            report = Path(folder) / "report.json"
            last = self._run(self.arguments(context), {REPORT_VARIABLE: str(report), **variables})
            said = json.loads(report.read_text()) if report.exists() else {}
        if "refused" in said:
            raise AirflowFailException(said["refused"])
        if self.process is None or self.process.returncode:
            raise AirflowException(last)
        tell(context, self.assets, said)

    def _run(self, arguments: list[str], variables: dict[str, str]) -> str:
        """Run the module to its end; return its last line of output."""
        self.process = subprocess.Popen(
            (sys.executable, "-m", self.module, *arguments),
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Its own process group, so that ending the run ends all its processes.
            start_new_session=True,
        )
        last = f"{self.module} printed nothing"
        for line in self.process.stdout or ():
            last = line.rstrip()
            self.log.info("%s", last)
        self.process.wait()
        return last

    def on_kill(self) -> None:
        """Kill the process and its children."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
