"""What a run through Airflow leaves in the marts."""

import pytest

from native.airflow_api import Airflow
from native.stack import Stack
from tests.end_to_end.runs import BUILD, COPY, wait_for_rest, wait_until
from tests.marts.comparison import differences

pytestmark = pytest.mark.slow(reason="alone, it begins with a copy and a build through Airflow")


def test_every_mart_that_airflow_has_built_equals_an_independent_computation(airflow: Airflow, stack: Stack) -> None:
    for dag in (COPY, BUILD):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: all(map(airflow.has_succeeded, (COPY, BUILD))), "green")
    wait_for_rest(airflow)
    assert differences(stack.settings) == []
