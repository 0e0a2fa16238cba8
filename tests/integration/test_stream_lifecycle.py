"""How a run of the stream begins, waits and gives up."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from native.stack import Stack
from storeline.ledger import REPORT_VARIABLE
from storeline.settings import ROOT
from storeline.stores import kafka
from tests.integration.events import KNOWN, Sending, Take, order
from tests.stacks import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
JOB = (sys.executable, "-m", "spark_jobs.stream_events")


def run(stack: Stack, report: Path, **variables: str) -> tuple[int, str, dict[str, object]]:
    """Run the stream without Spark, as far as it gets; return its exit code, its output and its report."""
    environment = stack.environment() | variables | {REPORT_VARIABLE: str(report)}
    done = subprocess.run(JOB, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else {}


def test_a_server_that_does_not_answer_is_waited_for_as_long_as_is_set(broker: Stack, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    began = time.monotonic()
    code, said, report = run(broker, tmp_path / "r", POSTGRES_PORT=str(port), STREAM_OUTAGE_SECONDS="3")
    assert time.monotonic() - began >= 3
    assert (code, report) == (1, {})
    waits, gives_up = (line for line in said.splitlines() if line.startswith("stream_events: "))
    assert f"PostgreSQL at 127.0.0.1:{port}" in waits
    assert waits.endswith("waiting for 0 s so far")
    assert gives_up.endswith("(STREAM_OUTAGE_SECONDS)")


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"POSTGRES_STREAM_PASSWORD": "wrong"}, "password authentication failed"),
        ({"POSTGRES_DB": "nowhere"}, "does not exist"),
        ({"STREAM_BATCH_EVENTS": "many"}, "STREAM_BATCH_EVENTS is 'many'"),
    ],
    ids=["password", "database", "setting"],
)
def test_a_wrong_setting_is_refused_at_once(
    broker: Stack, tmp_path: Path, variables: dict[str, str], line: str
) -> None:
    code, said, report = run(broker, tmp_path / "r", **variables)
    assert code == 1
    assert line in said.splitlines()[-1]
    assert line in str(report["refused"])


def test_a_refusal_tells_how_far_the_runs_have_come(
    broker: Stack, sending: Sending, take: Take, tmp_path: Path
) -> None:
    sending.all(order(KNOWN), order(KNOWN))
    take()
    with kafka.administration(broker.settings) as client:
        client.delete_topics(["orders"])
    code, said, report = run(broker, tmp_path / "r")
    assert code == 1
    assert report == {"refused": said.splitlines()[-1].removeprefix("stream_events: "), "progress": 2}
    assert "topic orders is not in Kafka" in str(report["refused"])
