"""From nothing to marts, as a user of the deployment gets there."""

import os
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from bench.report import Result, publish
from native.airflow_api import Airflow
from native.web import request_json
from storeline.stores import kafka_topics, mysql, postgres
from tests.compose.project import Project, service_of
from tests.marts.comparison import differences

pytestmark = pytest.mark.timeout(1800)

COPY, BUILD, VERIFY = "replicate_postgres_to_mysql", "create_data_marts", "verify_replica"
TOPICS = {
    "orders": (3, "retention.ms=604800000", "max.message.bytes=12582912"),
    "users-data": (3, "retention.ms=604800000", "max.message.bytes=12582912"),
    "storeline.changes": (1, "retention.ms=604800000", "max.message.bytes=67108864"),
    "storeline.heartbeats": (1, "retention.ms=3600000", "max.message.bytes=1048576"),
    "dead-letters": (1, "retention.ms=2592000000", "max.message.bytes=67108864"),
}


def test_up_with_wait_returns_when_every_container_is_well(project: Project) -> None:
    services = [service_of(container) for container in project.containers()]
    assert project.unwell() == []
    assert services.count("spark-worker") == project.settings.spark_workers == 3


@pytest.mark.slow(reason="the containers come to rest first")
def test_memory_at_rest_fits_a_laptop(project: Project, boot_seconds: dict[str, float]) -> None:
    time.sleep(20)
    lines = project.run("docker", "stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}").splitlines()
    used = {line.split()[0]: mebibytes(line.split()[1]) for line in lines if line.startswith("storeline-test-")}
    assert sum(used.values()) < 5 * 1024, used
    if os.environ.get("STORELINE_RECORD"):
        results = [Result("P13", "`docker compose up -d --wait`, images built", "", "s", [boot_seconds["boot"]], [])]
        results += [Result("P13", f"{n[15:]} at rest", "", "MiB", [used[n]], []) for n in sorted(used)]
        results.append(Result("P13", "all containers at rest", "", "MiB", [sum(used.values())], []))
        engine = project.run("docker", "version", "--format", "{{.Server.Version}}").strip()
        publish("compose", ("apache-airflow", "pyspark"), {"engine": engine}, {"workers": 3}, results)


def mebibytes(text: str) -> float:
    """Return what docker stats writes as 1.5GiB."""
    units = {"GiB": 1024.0, "MiB": 1.0, "KiB": 1 / 1024}
    return next(float(text.removesuffix(unit)) * factor for unit, factor in units.items() if text.endswith(unit))


def test_each_service_answers_on_its_port_of_the_host(project: Project) -> None:
    settings = project.settings
    with closing(postgres.reader(settings).connect()) as source, source.cursor() as cursor:
        cursor.execute("select count(*) from source.orders")
        assert cursor.fetchone() == (3000,)
    with closing(mysql.analyst(settings).connect()) as target:
        assert mysql.ask(target, "select version() like '9.7.%'") == [(1,)]
    assert request_json(settings.airflow_port, "/api/v2/version")["version"] == "3.3.2"
    assert request_json(settings.spark_master_ui_port, "/json/")["aliveworkers"] == 3
    assert request_json(settings.spark_history_port, "/api/v1/version") == {"spark": "4.2.0"}
    assert set(kafka_topics.states(settings, list(TOPICS))) == set(TOPICS)


def test_the_topics_are_as_declared_and_no_other_can_be_made_by_mistake(project: Project) -> None:
    tools = ("/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", "kafka.events:19092")
    said = project.inside("kafka", "env", "KAFKA_HEAP_OPTS=-Xmx128m", *tools, "--describe")
    lines = {line.split()[1]: line for line in said.splitlines() if "PartitionCount" in line}
    for name, (partitions, *options) in TOPICS.items():
        assert f"PartitionCount: {partitions}\t" in lines[name]
        assert all(option in lines[name] for option in options)
    assert "auto.create.topics.enable=false" in project.inside("kafka", "cat", "/tmp/server.properties")


@pytest.mark.slow(reason="Airflow runs two jobs on the cluster of containers")
def test_both_dags_turn_green_and_every_mart_equals_an_independent_computation(
    project: Project, airflow: Airflow
) -> None:
    for dag in (COPY, BUILD):
        airflow.unpause(dag, 120)
    wait_for(lambda: all(airflow.has_succeeded(dag) for dag in (COPY, BUILD)))
    assert differences(project.settings) == []
    applications = request_json(project.settings.spark_history_port, "/api/v1/applications")
    assert {one["name"] for one in applications} >= {"replicate", "build_marts"}


def wait_for(is_reached: Callable[[], bool], seconds: float = 900) -> None:
    """Wait until something is true; StorelineError passes through."""
    deadline = time.monotonic() + seconds
    while not is_reached():
        assert time.monotonic() < deadline, "not reached"
        time.sleep(2)
