"""How much chance tests are given: as much as STORELINE_FAULT_SEEDS says, which is 1 (`make test-nightly`: 50)."""

import os

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A seed moves the moment of each fault.
SEEDS = range(int(os.environ.get("STORELINE_FAULT_SEEDS", "1")))


def examples(count: int) -> hypothesis_settings:
    """Return how a property is tried: with so many examples, the same ones each time, or with new and many more."""
    return hypothesis_settings(
        max_examples=count * len(SEEDS),
        derandomize=len(SEEDS) == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
