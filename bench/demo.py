"""Measure P13: `make demo` in a fresh clone, then again with everything in place, and the stack's memory.

Usage: python -m bench.demo

The clone, its ports and its data belong to the benchmark; cached downloads are not fetched again.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from urllib.parse import quote

from bench.copy import versions
from bench.report import Result, publish
from native import members
from native.airflow_api import Airflow
from native.demo import COPY, STREAM
from native.places import INSTALLED
from native.stack import Stack
from native.web import request_json
from storeline.settings import ROOT
from tests.stacks import with_free_ports

CLONE = INSTALLED / "bench-clone"
SECONDS_TO_REST = 60
CHANGES = "postgres_to_mysql_streaming"
STREAMS = (STREAM, CHANGES)


def main() -> None:
    """Clone, run the demo twice, measure the memory, publish the results."""
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(("git", "clone", "--quiet", str(ROOT), str(CLONE)), check=True)
    settings = with_free_ports()
    environment = {**os.environ, **settings.values}
    stack = Stack(CLONE / ".native" / "demo", settings)
    try:
        first, again = seconds(environment), seconds(environment)
        airflow = Airflow(settings)
        running = memory(stack)
        stream_changes(airflow, environment)
        both_running = memory(stack)
        if [airflow.runs(stream)[0]["state"] for stream in STREAMS] != ["running", "running"]:
            raise SystemExit("bench.demo: a stream does not run")
        for stream in STREAMS:
            end_stream(airflow, stream)
        subprocess.run(("make", "changes", "ARGS=stop"), cwd=CLONE, env=environment, check=True)
        at_rest = memory_at_rest(stack)
        results = [
            Result("P13", "`make demo`, fresh clone", "", "s", [first], []),
            Result("P13", "`make demo`, again", "", "s", [again], []),
            Result("P13", "native stack, the stream of events running (PSS)", "", "MiB", [running], []),
            Result("P13", "native stack, both streams and Kafka Connect running (PSS)", "", "MiB", [both_running], []),
            Result("P13", "native stack at rest, no application running (PSS)", "", "MiB", [at_rest], []),
        ]
        publish("demo", ("apache-airflow", "pyspark"), versions(stack), {"shop": "default"}, results)
    finally:
        subprocess.run(("make", "clean"), cwd=CLONE, env=environment, check=True)
        shutil.rmtree(CLONE)


def seconds(environment: Mapping[str, str]) -> float:
    """Return how long `make demo` takes in the clone."""
    begin = time.monotonic()
    subprocess.run(("make", "demo"), cwd=CLONE, env=environment, check=True)
    return time.monotonic() - begin


def stream_changes(airflow: Airflow, environment: Mapping[str, str]) -> None:
    """Capture the shop's changes, copy once more, and start the stream of changes. Raises SystemExit."""
    subprocess.run(("make", "changes"), cwd=CLONE, env=environment, check=True)
    airflow.trigger(COPY)
    while airflow.is_under_way(COPY):
        time.sleep(1)
    if airflow.runs(COPY)[0]["state"] != "success":
        raise SystemExit("bench.demo: the copy failed")
    airflow.unpause(CHANGES)


def end_stream(airflow: Airflow, stream: str) -> None:
    """Pause a stream and end its run, as a person does in the UI."""
    airflow.call(f"/dags/{stream}", "PATCH", {"is_paused": True})
    for run in airflow.runs(stream):
        if run["state"] == "running":
            airflow.call(f"/dags/{stream}/dagRuns/{quote(run['dag_run_id'], safe='')}", "PATCH", {"state": "failed"})


def memory(stack: Stack) -> float:
    """Return the MiB that the stack's processes hold (PSS), after a minute without work."""
    time.sleep(SECONDS_TO_REST)
    return sum(int(process.memory_full_info().pss) for process in members.members(stack.home)) / 2**20


def memory_at_rest(stack: Stack) -> float:
    """Return the MiB when no application is on the cluster; a scheduled one may come in between."""
    while True:
        held = memory(stack)
        if not request_json(stack.settings.spark_master_ui_port, "/json/")["activeapps"]:
            return held


if __name__ == "__main__":
    main()
