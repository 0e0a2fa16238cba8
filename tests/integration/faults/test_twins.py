"""The same job started twice at the same moment: one waits for the other, and both end well."""

import pytest

from native.stack import Stack
from tests.integration.faults.suffering import (
    Ask,
    Reader,
    assert_nothing_is_left,
    assert_readers_saw_no_other,
    run_to_its_end,
    start,
    states,
    total,
)

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.mark.parametrize("job", ["replicate", "build_marts"])
def test_two_runs_at_once_take_turns(cluster: Stack, reader: Reader, ask_source: Ask, job: str) -> None:
    before, expected = states(cluster), total(ask_source)
    run_to_its_end(cluster, "replicate")
    twins = [start(cluster, job) for _ in range(2)]
    said = [twin.communicate(timeout=400) for twin in twins]
    assert [twin.returncode for twin in twins] == [0, 0], said
    assert_readers_saw_no_other(reader, before, expected)
    assert_nothing_is_left(cluster, job, expected)
