"""A cluster without resources: a job ends with one line instead of waiting forever."""

import pytest

from native.stack import Stack
from tests.integration.conftest import submit
from tests.integration.events import ADA, Sending, clear, registration

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.usefixtures("shop"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("job", ["replicate", "stream_events"])
def test_a_job_without_an_executor_ends_with_one_line(databases: Stack, job: str) -> None:
    databases.start(("kafka", "spark"))
    clear(databases.settings)
    Sending(databases.settings).all(registration(ADA))  # something to take
    # More than any worker has: the cluster accepts the application and gives it nothing.
    wanted = ("--conf", "spark.executor.memory=900g", "--conf", "spark.cores.max=1")
    waits = {"SPARK_EXECUTOR_WAIT_SECONDS": "3"}
    process = submit(databases, job, "--master", databases.settings.spark_master_url, *wanted, **waits)
    said = "".join(process.communicate(timeout=120))  # spark-submit passes on all of Python's output
    line = f"{job}: ended because the cluster provided no executor for 3 s (SPARK_EXECUTOR_WAIT_SECONDS)"
    assert process.returncode == 1
    assert any(one.startswith(line) for one in said.splitlines()), said[-3000:]
