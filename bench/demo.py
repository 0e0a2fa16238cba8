"""Measure P13: `make demo` in a fresh clone, then again with everything in place, and the idle stack's memory.

Usage: python -m bench.demo

The clone, its ports and its data belong to the benchmark; cached downloads are not fetched again.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping

from bench.copy import versions
from bench.report import Result, publish
from native import members
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
        time.sleep(SECONDS_TO_REST)
        memory = sum(process.memory_full_info().pss for process in members.members(stack.home)) / 2**20
        results = [
            Result("P13", "`make demo`, fresh clone", "", "s", [first], []),
            Result("P13", "`make demo`, again", "", "s", [again], []),
            Result("P13", "native stack at rest, no application running (PSS)", "", "MiB", [memory], []),
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


if __name__ == "__main__":
    main()
