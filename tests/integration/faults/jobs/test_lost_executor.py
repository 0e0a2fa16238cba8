"""An executor that dies between two generations of the replica takes with it what a build has read."""

import time
from pathlib import Path

import pytest

from native.stack import Stack
from spark_jobs.build_marts import SWAPPED
from tests.integration.faults.jobs.drivers import Drivers
from tests.integration.faults.jobs.surviving import (
    Ask,
    Reader,
    assert_nothing_is_left,
    assert_readers_saw_no_other,
    sell,
    states,
    total,
)
from tests.integration.faults.suffering import happen, processes

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.mark.slow(reason="a build waits for a copy, loses its executor and is run again: three jobs and a new executor")
def test_a_build_that_has_read_a_replica_of_the_past_fails_and_the_next_one_succeeds(
    cluster: Stack, drivers: Drivers, reader: Reader, ask_source: Ask, tmp_path: Path
) -> None:
    before = states(cluster)
    driver, other = drivers.pair()
    has_read = tmp_path / "has_read"
    build = driver.start("build_marts", "fill_staging", str(has_read))
    while not has_read.exists():
        assert not build.is_over(), build.said
        time.sleep(0.05)
    sell(ask_source)
    copy = other.start("replicate")
    assert copy.has_succeeded(), copy.said
    assert states(cluster) == {**before, "replica": (total(ask_source),) * 2}
    happen(processes(cluster, "executor", driver.process), asleep_seconds=0)
    has_read.unlink()
    assert not build.has_succeeded()
    assert SWAPPED in str(build.said)
    assert states(cluster)["marts"] == before["marts"]
    drivers.run_to_its_end("build_marts")
    assert_readers_saw_no_other(reader, before, total(ask_source))
    assert_nothing_is_left(cluster, "build_marts", total(ask_source))
