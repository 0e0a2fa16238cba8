"""A whole stack with Airflow, for the tests that go through its API."""

import secrets
from collections.abc import Iterator

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from storeline.settings import load
from tests.stacks import with_free_ports


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack with a filled shop and both DAGs still paused."""
    # Passwords that stand nowhere else, so that a log can be searched for them.
    names = [name for name in load(environment={}).values if name.endswith("_PASSWORD")]
    passwords = {name: f"canary-{secrets.token_hex(8)}" for name in names}
    with Stack(tmp_path_factory.mktemp("whole"), with_free_ports(**passwords)) as stack:
        stack.run("generators.shop", "--if-empty")
        yield stack


@pytest.fixture(scope="package")
def airflow(stack: Stack) -> Airflow:
    """Return the stack's Airflow."""
    return Airflow(stack.settings)
