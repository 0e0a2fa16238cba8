"""A change runs the tests that reach it, by whatever way the changed file is read."""

import re
import subprocess
import sys

import pytest

from storeline.settings import ROOT
from tests.changed import closure, reached_in

SERVERS = ROOT / "tests" / "integration" / "conftest.py"


def reached_by(fixture: str) -> set[str]:
    found = set().union(*(closure(file) if file.suffix == ".py" else {file} for file in reached_in(SERVERS, fixture)))
    return {str(file.relative_to(ROOT)) for file in found}


@pytest.mark.parametrize(
    ("fixture", "file"),
    [
        ("databases", "native/mysql.py"),
        ("databases", "init_db/postgres/10_source.sql"),  # a separate process reads it
        ("databases", "docker/mysql/storeline.cnf"),
        ("shop", "generators/plan.py"),
        ("take", "storeline/events/rules.py"),  # runs on executors
        ("run_job", "storeline/replica/chunk.py"),
    ],
)
def test_a_fixture_reaches_what_it_starts(fixture, file):
    assert file in reached_by(fixture)


def test_a_fixture_does_not_reach_what_another_one_of_its_file_uses():
    assert "spark_jobs/stream_events.py" not in reached_by("databases")


def test_a_mart_is_reached_by_whatever_loads_marts():
    assert ROOT / "spark_jobs" / "marts" / "UserOrders.sql" in closure(ROOT / "storeline" / "marts" / "contract.py")


@pytest.mark.slow(reason="it starts a pytest of its own")
@pytest.mark.parametrize(("changed", "files"), [("Makefile", {"test_docs_are_true.py"}), ("LICENSE", "both")])
def test_only_what_reaches_the_change_runs_and_everything_where_nothing_does(changed, files):
    both = ("tests/unit/test_docs_are_true.py", "tests/unit/test_topics.py")
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *both)
    done = subprocess.run((*command, f"--changed={changed}"), cwd=ROOT, capture_output=True, text=True, check=False)
    kept = set(re.findall(r"^tests/unit/(\w+\.py)::", done.stdout, flags=re.MULTILINE))
    assert kept == (files if files != "both" else {file.rpartition("/")[2] for file in both}), done.stderr
