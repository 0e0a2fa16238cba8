"""Airflow's REST API for the demo and the tests: unpause DAGs, look at runs, read logs."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from native.web import WebError, request_json
from storeline.errors import StorelineError
from storeline.settings import Settings

V2 = "/api/v2"


@dataclass(frozen=True)
class Airflow:
    """Airflow at the configured port, as its administrator."""

    settings: Settings

    @cached_property
    def _token(self) -> str:
        login = {"username": self.settings.airflow_admin_user, "password": str(self.settings.airflow_admin_password)}
        return str(request_json(self.settings.airflow_port, "/auth/token", "POST", login)["access_token"])

    def call(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Return the API's answer for a path below `/api/v2`. Raises WebError."""
        return request_json(self.settings.airflow_port, V2 + path, method, body, self._token)

    def unpause(self, dag: str, wait_seconds: float = 60) -> None:
        """Unpause a DAG like the switch in the UI. Raises StorelineError when it does not appear."""
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                self.call(f"/dags/{dag}", "PATCH", {"is_paused": False})
                return
            except WebError as error:
                if error.status not in (0, 404) or time.monotonic() > deadline:
                    raise StorelineError(f"{dag} is not in Airflow: {self.import_error() or error}") from None
            time.sleep(1)

    def import_error(self) -> str:
        """Return the last line of a DAG file's import error, empty when there is none."""
        broken = self.call("/importErrors")["import_errors"]
        return f"{broken[0]['filename']}: {broken[0]['stack_trace'].strip().splitlines()[-1]}" if broken else ""

    def trigger(self, dag: str) -> str:
        """Start a run and return its id."""
        return str(self.call(f"/dags/{dag}/dagRuns", "POST", {"logical_date": None})["dag_run_id"])

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """Return a DAG's runs, latest first."""
        return list(self.call(f"/dags/{dag}/dagRuns?order_by=-run_after&limit=20")["dag_runs"])

    def is_under_way(self, dag: str) -> bool:
        """Tell whether a run is queued or running, or an asset event is about to start one.

        Ask for DAGs in the order in which they trigger each other, so that no run slips through.
        """
        if self.call(f"/dags/{dag}/assets/queuedEvents")["queued_events"]:
            return True
        return any(run["state"] in ("queued", "running") for run in self.runs(dag))

    def has_succeeded(self, dag: str) -> bool:
        """Tell whether a DAG has a successful run. Raises StorelineError when the last one failed."""
        runs = self.runs(dag)
        if runs and runs[0]["state"] == "failed":
            raise StorelineError(self.why(dag, str(runs[0]["dag_run_id"])))
        return any(run["state"] == "success" for run in runs)

    def why(self, dag: str, run: str, lines: int = 25) -> str:
        """Return the failed task of a run and the end of its log."""
        path = f"/dags/{dag}/dagRuns/{quote(run, safe='')}/taskInstances"
        tasks = [one for one in self.call(path)["task_instances"] if one["state"] == "failed"]
        if not tasks:
            return f"{dag}: run {run} failed before any task"
        task, attempt = tasks[0]["task_id"], tasks[0]["try_number"]
        said = self.call(f"{path}/{task}/logs/{attempt}?full_content=true")["content"]
        text = [line for entry in said for line in log_lines(entry)]
        return "\n  ".join([f"{dag}: task {task} failed (run {run}, attempt {attempt})", *text[-lines:]])


def log_lines(entry: Any) -> list[str]:
    """Return the message of a task log's entry, and its exceptions."""
    if not isinstance(entry, dict):
        return [str(entry)]
    raised = entry.get("error_detail") or ()
    return [entry["event"], *(f"{one['exc_type']}: {one['exc_value']}" for one in raised)]
