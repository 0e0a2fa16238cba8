"""The targets of faults: a cluster with a shop, a replica and marts, and a reader that polls continuously."""

from collections.abc import Iterator

import pytest

from native.stack import Stack
from tests.integration.faults.jobs import time_outs
from tests.integration.faults.jobs.drivers import Drivers
from tests.integration.faults.jobs.surviving import Reader
from tests.integration.faults.jobs.tree import make_tree


@pytest.fixture(scope="package")
def cluster(databases: Stack, shop: None) -> Stack:
    """Return the stack with a Spark cluster and short time-outs."""
    databases.start(("spark",))
    time_outs.lower(databases.settings)
    return databases


@pytest.fixture(scope="package")
def drivers(cluster: Stack) -> Iterator[Drivers]:
    """Return two warm drivers, which have built a replica and marts."""
    make_tree(cluster)
    both = Drivers(cluster)
    for job in ("replicate", "build_marts"):
        both.run_to_its_end(job)
    yield both
    both.kill()


@pytest.fixture
def reader(drivers: Drivers) -> Iterator[Reader]:
    thread = Reader(drivers.stack.settings)
    thread.start()
    yield thread
    if thread.is_alive():
        thread.end()
