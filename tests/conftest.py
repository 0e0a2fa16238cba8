"""What tests of every kind share."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from xdist.scheduler import LoadScopeScheduling

from native.places import JARS


class ByServers(LoadScopeScheduling):
    """Keeps in one process what shares servers: a file; of the tests of the whole stack, a folder."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return str(Path(file).parent) if file.startswith("tests/end_to_end/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServers:
    """Say how tests are shared out when several processes run them."""
    return ByServers(config, log)


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
    yield session
    session.stop()
    # The gateway says good-bye when the interpreter ends, into a stream that pytest has closed by then.
    logging.getLogger("py4j").setLevel(logging.WARNING)
