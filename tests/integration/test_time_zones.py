"""A JVM in another time zone computes the same marts: the machine's zone never affects a moment."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from native.stack import Stack
from storeline.settings import Settings
from tests.integration.conftest import submit
from tests.integration.events import Ask
from tests.integration.jobs import copy_here
from tests.marts.comparison import differences

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]

# Its offset from UTC is not in whole hours, and its clocks change: 02:00 to 03:00 there did not exist that day.
ZONE = "America/St_Johns"
IN_THE_GAP = "2026-03-08 02:30:00Z"


@pytest.fixture
def copied(databases: Stack, settings: Settings, spark: SparkSession, ask_source: Ask) -> Iterator[None]:
    """Copy a shop with moments that a clock in the zone never shows; afterwards the shop is the default one again."""
    ask_source("update source.users set registration_date = %s", (IN_THE_GAP,))
    ask_source("update source.orders set order_date = %s where delivery_date is null", (IN_THE_GAP,))
    copy_here(settings, spark)
    yield
    databases.run("generators.shop", "--replace")


@pytest.mark.slow(reason="the zone is that of a process: the job runs as its own, with Spark's start")
def test_a_build_in_another_time_zone_equals_an_independent_computation(
    databases: Stack, settings: Settings, copied: None
) -> None:
    with submit(databases, "build_marts", TZ=ZONE) as process:
        said = "".join(process.communicate(timeout=100))
    assert process.returncode == 0, said[-3000:]
    assert differences(settings) == []
