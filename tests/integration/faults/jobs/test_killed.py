"""Processes are killed while a job runs: readers see the old state or the new one, and the next run converges."""

import pytest

from native.stack import Stack
from tests.integration.faults.jobs.drivers import Drivers
from tests.integration.faults.jobs.surviving import Ask, Fault, Reader, suffer
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]

# A build after a copy, because it needs one that its marts do not show yet.
KILLED = [
    ("replicate", "load", "mysql"),
    ("build_marts", "load", "mysql"),
    ("replicate", "before the swap", "mysql"),
    ("replicate", "swap", "mysql"),
    ("build_marts", "swap", "mysql"),
    ("replicate", "load", "postgres"),
    ("replicate", "load", "executor"),
    ("build_marts", "load", "executor"),
    ("replicate", "load", "spark-worker"),
    ("replicate", "load", "spark-master"),
    ("replicate", "load", "driver"),
    ("build_marts", "load", "driver"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", KILLED, ids=" ".join)
def test_killed(cluster: Stack, drivers: Drivers, reader: Reader, ask_source: Ask, fault: Fault, seed: int) -> None:
    suffer(cluster, drivers, reader, ask_source, fault, seed)
