"""Whatever sleeps through every time-out while a job runs: no reader sees a wrong state, and the next run converges."""

import pytest

from native.stack import Stack
from tests.integration.faults.jobs.drivers import Drivers
from tests.integration.faults.jobs.surviving import Ask, Fault, Reader, suffer
from tests.integration.faults.jobs.time_outs import ASLEEP_FOR_THE_MASTER, ASLEEP_SECONDS
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]

ASLEEP = [
    ("replicate", "load", "mysql"),
    ("replicate", "before the swap", "mysql"),
    ("replicate", "swap", "mysql"),
    ("replicate", "load", "postgres"),
    ("replicate", "load", "executor"),
    ("replicate", "load", "spark-worker"),
    ("replicate", "load", "spark-master"),
    ("replicate", "before the swap", "driver"),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", ASLEEP, ids=" ".join)
def test_asleep_for_longer_than_any_time_out(
    cluster: Stack, drivers: Drivers, reader: Reader, ask_source: Ask, fault: Fault, seed: int
) -> None:
    seconds = ASLEEP_FOR_THE_MASTER.get(fault[2], ASLEEP_SECONDS)
    suffer(cluster, drivers, reader, ask_source, fault, seed, seconds)
