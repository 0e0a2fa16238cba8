"""What the faults happen to: a cluster with a shop, a replica and marts, and a reader that never stops looking."""

from collections.abc import Iterator

import pytest

from native.stack import Stack
from tests.integration.faults.suffering import Reader, make_tree, run_to_its_end, tree


@pytest.fixture(scope="module")
def cluster(databases: Stack, shop: None) -> Stack:
    """Return the stack with a Spark cluster, a replica and marts."""
    databases.start(("spark",))
    if not tree(databases).exists():
        make_tree(databases)
    for job in ("replicate", "build_marts"):
        run_to_its_end(databases, job)
    return databases


@pytest.fixture
def reader(cluster: Stack) -> Iterator[Reader]:
    thread = Reader(cluster.settings)
    thread.start()
    yield thread
    if thread.is_alive():
        thread.end()
