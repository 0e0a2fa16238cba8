"""How much randomness tests get: STORELINE_FAULT_SEEDS seeds, by default 1 (`make test-nightly`: 50)."""

import os

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# A seed shifts the moment of each fault.
SEEDS = range(int(os.environ.get("STORELINE_FAULT_SEEDS", "1")))


def examples(count: int) -> hypothesis_settings:
    """Return a property's settings: `count` fixed examples, or with more seeds, new and many more."""
    return hypothesis_settings(
        max_examples=count * len(SEEDS),
        derandomize=len(SEEDS) == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
