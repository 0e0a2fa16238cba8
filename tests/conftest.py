"""Shared by all kinds of tests."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from native.places import JARS
from native.spark import archived_classes
from spark_jobs.build_marts import NO_BROADCAST, PLANNING
from storeline.settings import ROOT

pytest_plugins = ["pytester", "tests.budget", "tests.changed"]


class ByServers(LoadScopeScheduling):
    """Keeps tests that share servers in one process: a file, or the files of a package, but not its subpackages.

    They are handed out in the order of collection, and only when a process needs them.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        packages = [folder for folder in file.parents if (ROOT / folder / "__init__.py").exists()]
        return str(packages[0] if packages else file)

    def _reschedule(self, node: WorkerController) -> None:
        # A process runs a test once it knows the next one.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    """Choose how tests are distributed over processes."""
    config.option.loadscopereorder = False
    return ByServers(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest tests first, so that no process is left with one when the others are done."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        needs_servers = item.get_closest_marker("integration") is not None
        return item.get_closest_marker("end_to_end") is None, item.path not in slow, not needs_servers

    items.sort(key=place)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return a session in this process, for tests that need rows but no cluster."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # A tree of a user has no archive of its own; whoever runs its tests may name one.
    os.environ.setdefault("SPARK_SUBMIT_OPTS", archived_classes())
    folder: Path = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[1]")
        .appName("tests")
        # Small queries spend their time in the compiler: this halves it.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        # A tenth of Spark's own limit: the tests check that what a driver receives does not grow with the number of
        # events.
        .config("spark.driver.maxResultSize", "100m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config(*PLANNING)
        .config(*NO_BROADCAST)
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.local.dir", str(folder))
        .config("spark.driver.extraClassPath", str(JARS / "*"))
        .getOrCreate()
    )
    # Open its socket now, while file numbers are low: beyond 1,023 it would never receive anything, and ClickHouse's
    # engine leaves dozens of files open each time it ends.
    ensure_callback_server_started(session.sparkContext._gateway)
    yield session
    session.stop()
    # The gateway says good-bye at interpreter exit, into a stream that pytest has closed by then.
    logging.getLogger("py4j").setLevel(logging.WARNING)
