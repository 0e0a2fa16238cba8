"""The same job started twice at the same moment: one waits for the other, and both succeed."""

import pytest

from native.stack import Stack
from tests.integration.faults.jobs.drivers import Drivers
from tests.integration.faults.jobs.surviving import (
    Ask,
    Reader,
    assert_nothing_is_left,
    assert_readers_saw_no_other,
    states,
    total,
)

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.mark.parametrize("job", ["replicate", "build_marts"])
def test_two_runs_at_once_take_turns(
    cluster: Stack, drivers: Drivers, reader: Reader, ask_source: Ask, job: str
) -> None:
    before, expected = states(cluster), total(ask_source)
    twins = [driver.start(job) for driver in drivers.pair()]
    assert [twin.has_succeeded() for twin in twins] == [True, True], [twin.said for twin in twins]
    assert_readers_saw_no_other(reader, before, expected)
    assert_nothing_is_left(cluster, job, expected)
