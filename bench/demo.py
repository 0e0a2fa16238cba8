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
from native.demo import STREAM
from native.places import INSTALLED
from native.stack import Stack
from storeline.settings import ROOT
from tests.stacks import with_free_ports

CLONE = INSTALLED / "bench-clone"
SECONDS_TO_REST = 60


def main() -> None:
    """Clone, run the demo twice, measure the memory, publish the results."""
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(("git", "clone", "--quiet", str(ROOT), str(CLONE)), check=True)
    settings = with_free_ports()
    environment = {**os.environ, **settings.values}
    stack = Stack(CLONE / ".native" / "demo", settings)
    try:
        first, again = seconds(environment), seconds(environment)
        running = memory(stack)
        end_stream(Airflow(settings))
        at_rest = memory(stack)
        results = [
            Result("P13", "`make demo`, fresh clone", "", "s", [first], []),
            Result("P13", "`make demo`, again", "", "s", [again], []),
            Result("P13", "native stack, the stream of events running (PSS)", "", "MiB", [running], []),
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


def end_stream(airflow: Airflow) -> None:
    """Pause the stream of events and end its run, as a person does in the UI."""
    airflow.call(f"/dags/{STREAM}", "PATCH", {"is_paused": True})
    for run in airflow.runs(STREAM):
        if run["state"] == "running":
            airflow.call(f"/dags/{STREAM}/dagRuns/{quote(run['dag_run_id'], safe='')}", "PATCH", {"state": "failed"})


def memory(stack: Stack) -> float:
    """Return the MiB that the stack's processes hold (PSS), after a minute without work."""
    time.sleep(SECONDS_TO_REST)
    return sum(int(process.memory_full_info().pss) for process in members.members(stack.home)) / 2**20


if __name__ == "__main__":
    main()
