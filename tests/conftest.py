"""What tests of every kind share."""

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
from storeline.settings import ROOT

pytest_plugins = ["pytester", "tests.budget", "tests.changed"]


class ByServers(LoadScopeScheduling):
    """Keeps in one process what shares servers: a file, or a folder where that is a package.

    They are handed out in the order in which they were collected, and not before a process needs them.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        packages = [folder for folder in file.parents if (ROOT / folder / "__init__.py").exists()]
        return str(packages[-1] if packages else file)

    def _reschedule(self, node: WorkerController) -> None:
        # A process runs a test when it knows the one after it.
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    """Say how tests are shared out when several processes run them."""
    config.option.loadscopereorder = False
    return ByServers(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the longest begin first, so that no process has one of them left when the others are done."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        needs_servers = item.get_closest_marker("integration") is not None
        return item.get_closest_marker("end_to_end") is None, item.path not in slow, not needs_servers

    items.sort(key=place)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Return a session inside this process, for what needs rows and no cluster."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    folder: Path = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[1]")
        .appName("tests")
        # Small queries spend their time in the compiler: this halves it.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        # A tenth of Spark's own limit: the tests hold that what a driver is sent does not grow with the events.
        .config("spark.driver.maxResultSize", "100m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.local.dir", str(folder))
        .config("spark.driver.extraClassPath", str(JARS / "*"))
        .getOrCreate()
    )
    # Its socket has a low number now; it hears nobody, for ever, on one beyond 1,023, and ClickHouse's engine leaves
    # dozens of files open each time that it ends.
    ensure_callback_server_started(session.sparkContext._gateway)
    yield session
    session.stop()
    # The gateway says good-bye when the interpreter ends, into a stream that pytest has closed by then.
    logging.getLogger("py4j").setLevel(logging.WARNING)
