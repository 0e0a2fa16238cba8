"""Airflow as local processes: api-server, scheduler, dag-processor, triggerer."""

import subprocess
from pathlib import Path

from native import spark
from native.places import VENV, make_private
from native.process import Process, Service, base_environment, environment
from native.web import WebError, request_json
from storeline.airflow_environment import derived
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
# All parts share the log folder, so the UI needs no separate log server.
ARGUMENTS = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
# As in containers. The dag-processor stores the triggers of assets; if it encrypted them, a changed key would make them
# unreadable.
WITHOUT = {"dag-processor": {"AIRFLOW__CORE__FERNET_KEY": ""}}


def airflow_environment(settings: Settings, home: Path) -> dict[str, str]:
    """Return the environment of every Airflow process; tasks and submitted jobs inherit it."""
    url = f"http://127.0.0.1:{settings.airflow_port}"
    folder = home / "airflow"
    return {
        **environment(settings),
        **spark.environment(settings, home),
        **derived(settings),
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW_CONFIG": str(ROOT / "docker" / "airflow" / "airflow.cfg"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
    }


def service(settings: Settings, home: Path) -> Service:
    """Declare the four parts."""
    folder, seen = home / "airflow", airflow_environment(settings, home)
    processes = tuple(
        Process(
            f"airflow-{part}",
            (str(VENV / "bin" / "airflow"), part, *ARGUMENTS.get(part, ())),
            folder,
            seen | WITHOUT.get(part, {}),
            stop_seconds=20,
            # A task that starts before the API answers fails and uses up its retries.
            waits_for_port=settings.airflow_port if part == "scheduler" else None,
        )
        for part in PARTS
    )

    def prepare() -> None:
        make_private(folder)
        run = base_environment() | seen
        for name, command in (
            ("migrate", (str(VENV / "bin" / "airflow"), "db", "migrate")),
            ("admin", (str(VENV / "bin" / "python"), "-m", "init_db.airflow_admin")),
        ):
            log = home / "logs" / f"airflow-{name}.log"
            with log.open("w") as stream:
                done = subprocess.run(
                    command, env=run, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, check=False
                )
            if done.returncode:
                last = (log.read_text().strip() or "no reason given").splitlines()[-1]
                raise StorelineError(f"Airflow: {name} failed: {last} (see {log})")

    return Service("airflow", processes, prepare, lambda: _missing(settings), seconds_to_start=300)


def _missing(settings: Settings) -> str | None:
    """Name the parts that are not healthy yet."""
    try:
        health = request_json(settings.airflow_port, "/api/v2/monitor/health")
    except WebError as error:
        return f"Airflow: {error}"
    unwell = [part for part, state in health.items() if state["status"] != "healthy"]
    return f"Airflow: {', '.join(unwell)} not healthy yet" if unwell else None
