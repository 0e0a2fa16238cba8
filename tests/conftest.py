"""What tests of every kind share."""

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from native.places import JARS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one process, when there are several, what shares servers: a file, and all tests of the whole stack."""
    for item in items:
        is_end_to_end = item.get_closest_marker("end_to_end") is not None
        item.add_marker(pytest.mark.xdist_group("end_to_end" if is_end_to_end else str(item.path)))


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
