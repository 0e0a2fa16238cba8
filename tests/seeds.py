"""The seeds of the fault tests: one, or as many as STORELINE_FAULT_SEEDS says (`make test-nightly`: 50)."""

import os

# A seed moves the moment of each fault.
SEEDS = range(int(os.environ.get("STORELINE_FAULT_SEEDS", "1")))
