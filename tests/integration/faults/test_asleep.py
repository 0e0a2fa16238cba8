"""Whatever falls asleep for a minute while a job runs: nobody sees a wrong state, and the next run converges."""

import pytest

from native.stack import Stack
from tests.integration.faults.suffering import Ask, Fault, Reader, suffer
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]

ASLEEP_SECONDS = 60
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
def test_asleep_for_a_minute(cluster: Stack, reader: Reader, ask_source: Ask, fault: Fault, seed: int) -> None:
    suffer(cluster, reader, ask_source, fault, seed, ASLEEP_SECONDS)
