"""A whole stack with Airflow, for the tests that go through its API."""

from collections.abc import Iterator

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from tests.stacks import with_free_ports


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack with a filled shop and both DAGs still paused."""
    with Stack(tmp_path_factory.mktemp("whole"), with_free_ports()) as stack:
        stack.run("generators.shop", "--if-empty")
        yield stack


@pytest.fixture(scope="session")
def airflow(stack: Stack) -> Airflow:
    """Return the stack's Airflow."""
    return Airflow(stack.settings)
