"""The deployment is booted once, from scratch, and removed completely; `make test-compose` runs these tests."""

import os
import time
from collections.abc import Iterator

import pytest

from docker.checkout import HEAL
from native.airflow_api import Airflow
from tests.compose.project import Project, copied_checkout

# They need an engine and minutes: other test runs do not collect them. An upgrade is a separate deployment.
collect_ignore_glob = {"deployment": ["test_upgrade.py"], "upgrade": ["test_[!u]*.py"]}.get(
    os.environ.get("STORELINE_TEST_COMPOSE", ""), ["test_*.py"]
)

ALL = ("--profile", "*")


@pytest.fixture(scope="session")
def boot_seconds() -> dict[str, float]:
    """Return how long each start took, by name."""
    return {}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, boot_seconds: dict[str, float]) -> Iterator[Project]:
    """Return the running deployment, from a checkout whose files only the owner can read."""
    folder = tmp_path_factory.mktemp("compose")
    project = Project.new(folder, root=copied_checkout(folder / "checkout"))
    project.compose(*ALL, "down", "--volumes", "--remove-orphans")
    try:
        project.compose(*ALL, "build")
        begin = time.monotonic()
        project.compose("up", "--build", "--detach", "--wait")
        boot_seconds["boot"] = time.monotonic() - begin
        yield project
    except AssertionError:
        print(project.compose("logs", "--no-color", "--tail", "15", check=False))
        raise
    finally:
        project.compose(*ALL, "down", "--volumes", "--remove-orphans", check=False)


@pytest.fixture(scope="session")
def readable_code(project: Project) -> None:
    """Follow the preflight's advice to use edits without a build: containers see the code from their next start."""
    said = project.compose("logs", "--no-log-prefix", "preflight")
    assert f"the code in their image; to use edits without a build: {HEAL}" in said
    project.run(*HEAL.split())


@pytest.fixture(scope="session")
def airflow(project: Project) -> Airflow:
    """Return the deployment's Airflow."""
    return Airflow(project.settings)
