"""What a stranger, a wrong role or a wrong neighbour is refused, and where no secret is to be seen."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from mysql.connector import Error as MysqlDriverError

from native.web import WebError, request_json
from storeline.accounts import POSTGRES_AIRFLOW
from storeline.settings import ROOT, Settings, read_file
from storeline.stores import mysql, postgres
from tests.compose.project import Project, service_of

pytestmark = pytest.mark.timeout(1800)

STRANGER = """
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("spark://master.spark:7077").appName("stranger")
spark = builder{options}.getOrCreate()
print("answered", spark.range(3).count())
"""
OPEN = '.config("spark.authenticate", "false").config("spark.network.crypto.enabled", "false")'
STRANGERS = {"a-secret-that-nobody-has": "", "no-secret-at-all": OPEN}


@pytest.fixture(scope="module", autouse=True)
def refused(project: Project) -> Iterator[list[Future[str]]]:
    """Start the strangers, who try for a minute, before the first test; the last one hears what they were told."""

    def apply(secret: str) -> str:
        command = ("env", f"_SPARK_AUTH_SECRET={secret}", "timeout", "90", "python", "-c")
        script = STRANGER.format(options=STRANGERS[secret])
        return project.inside("airflow-scheduler", *command, script, check=False)

    with ThreadPoolExecutor() as pool:
        yield [pool.submit(apply, secret) for secret in STRANGERS]


def test_the_master_takes_no_application_over_http(project: Project) -> None:
    assert project.reaches("spark-worker", "master.spark", 7077)
    assert not project.reaches("spark-worker", "master.spark", 6066)


@pytest.mark.parametrize("statement", ["insert into source.users default values", "create table source.mine (a int)"])
def test_the_reader_of_postgresql_may_only_read(project: Project, statement: str) -> None:
    with (
        closing(postgres.reader(project.settings).connect()) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)


def test_airflow_does_not_get_into_the_shop(project: Project) -> None:
    settings = project.settings
    with pytest.raises(postgres.PostgresError, match="permission denied"):
        postgres.login(settings, POSTGRES_AIRFLOW).connect()


@pytest.mark.parametrize("statement", ["delete from replica.users", "create table marts.mine (a int)"])
def test_the_analyst_may_only_read(project: Project, statement: str) -> None:
    with (
        closing(mysql.analyst(project.settings).connect()) as connection,
        pytest.raises(MysqlDriverError, match="denied"),
    ):
        mysql.ask(connection, statement)


def test_known_passwords_open_nothing(project: Project) -> None:
    settings = project.settings
    known = Settings(settings.values | {n: v for n, v in read_file(ROOT / ".env").items() if n in project.secrets})
    for login in (postgres.owner(known), postgres.reader(known), postgres.generator(known)):
        with pytest.raises(postgres.PostgresError, match="password authentication failed"):
            login.connect()
    for account in (mysql.admin(known), mysql.analyst(known), mysql.replicator(known), mysql.mart_builder(known)):
        with pytest.raises(mysql.MysqlError, match="denied"):
            account.connect()
    with pytest.raises(WebError, match="401"):
        request_json(settings.airflow_port, "/auth/token", "POST", {"username": "admin", "password": "admin"})
    with pytest.raises(WebError, match="401"):
        request_json(settings.airflow_port, "/api/v2/dags")


@pytest.mark.slow(reason="it knocks at the services' ports from each of the others, a process in a container for each")
def test_a_service_reaches_only_what_it_works_with(project: Project) -> None:
    reached = {
        ("airflow-scheduler", "postgres.source", 5432): True,
        ("airflow-scheduler", "mysql.warehouse", 3306): True,
        ("airflow-scheduler", "clickhouse.warehouse", 8123): True,
        ("airflow-api-server", "clickhouse.warehouse", 8123): False,
        ("produce-orders", "clickhouse.warehouse", 8123): False,
        ("spark-worker", "postgres.source", 5432): True,
        ("spark-worker", "mysql.warehouse", 3306): True,
        ("spark-worker", "kafka.events", 19092): True,
        ("produce-orders", "kafka.events", 19092): True,
        ("produce-orders", "postgres.source", 5432): True,
        ("produce-orders", "mysql.warehouse", 3306): False,
        ("spark-worker", "api.airflow", 8080): False,
        ("spark-master", "postgres.source", 5432): False,
        ("spark-master", "mysql.warehouse", 3306): False,
        ("airflow-api-server", "postgres.source", 5432): True,
        ("airflow-api-server", "mysql.warehouse", 3306): False,
        ("airflow-api-server", "master.spark", 7077): False,
        ("airflow-dag-processor", "mysql.warehouse", 3306): False,
        ("airflow-dag-processor", "master.spark", 7077): False,
        ("airflow-triggerer", "mysql.warehouse", 3306): True,
        ("airflow-triggerer", "master.spark", 7077): False,
        # Documentation's own addresses: nothing is there, but a way out would time out later than a missing route.
        ("airflow-scheduler", "192.0.2.1", 443): False,
    }
    assert project.reached(reached) == {way for way, is_open in reached.items() if is_open}


def test_published_services_do_not_see_each_other_on_the_network_of_the_ports(project: Project) -> None:
    addresses = {
        service_of(one): one["NetworkSettings"]["Networks"]["storeline-test_edge"]["IPAddress"]
        for one in project.containers()
        if "storeline-test_edge" in one["NetworkSettings"]["Networks"]
    }
    databases = {"postgres", "mysql", "clickhouse", "kafka"}
    assert set(addresses) == databases | {"spark-master", "spark-history", "airflow-api-server", "grafana"}
    assert not project.reaches("spark-master", addresses["postgres"], 5432)
    assert not project.reaches("spark-history", addresses["mysql"], 3306)
    assert not project.reaches("airflow-api-server", addresses["kafka"], 9092)


def test_workers_have_no_copy_of_the_repository(project: Project) -> None:
    look = "ls /opt/storeline; python -c 'import storeline' 2>&1 | tail -n 1"
    said = project.inside("spark-worker", "sh", "-c", look).splitlines()
    assert said == ["docker", "jars", "ModuleNotFoundError: No module named 'storeline'"]
    # The driver's containers have one, and may not change it.
    write = project.inside(
        "airflow-scheduler", "sh", "-c", "touch /opt/storeline/checkout/dags/mine.py 2>&1", check=False
    )
    assert "cannot touch" in write
    code = [mount for one in project.containers() for mount in one["Mounts"] if "checkout" in mount["Destination"]]
    assert code
    assert not any(mount["RW"] for mount in code)
    mounts = [mount for one in project.containers() if service_of(one) == "spark-worker" for mount in one["Mounts"]]
    folders = sorted((mount["Type"], mount["Destination"]) for mount in mounts)
    assert folders == [("volume", f"/var/lib/storeline/{name}") for name in ("sales", "spark") for _ in range(3)]


def test_no_secret_is_seen_from_outside_of_a_process(project: Project) -> None:
    seen = {}
    for one in project.containers():
        name, config = one["Name"], one["Config"]
        shown = [config.get(key) for key in ("Cmd", "Entrypoint", "Labels", "Healthcheck")]
        seen[f"description of {name}"] = json.dumps([*shown, one["Path"], one["Args"], one["State"]])
        seen[f"log of {name}"] = project.run("docker", "logs", one["Id"])
        image = json.loads(project.run("docker", "image", "inspect", one["Image"]))[0]["Config"]
        seen[f"image of {name}"] = json.dumps(image) + project.run("docker", "history", "--no-trunc", one["Image"])
        if one["State"]["Running"]:
            seen[f"processes of {name}"] = project.run("docker", "top", one["Id"], "-eo", "pid,args")
    history = project.settings.spark_history_port
    # One that runs is listed before its pages are there.
    for one in request_json(history, "/api/v1/applications?status=completed"):
        page = request_json(history, f"/api/v1/applications/{one['id']}/environment")
        seen[f"environment page of {one['name']}"] = json.dumps(page)
    patterns = "\n".join(project.marks.values())
    for service, *folders in (
        ("airflow-scheduler", "/opt/airflow/logs", "/var/lib/storeline"),
        ("spark-worker", "/var/lib/storeline"),
    ):
        assert project.inside(service, "grep", "-rlFf", "-", *folders, given=patterns, check=False) == ""
    metadata = postgres.owner(project.settings, project.settings.postgres_airflow_db)
    with closing(metadata.connect()) as database, database.cursor() as cursor:
        cursor.execute("select string_agg(value::text, ' ') from xcom")
        seen["XCom"] = str(cursor.fetchone())
    assert [(name, place) for name, secret in project.marks.items() for place in seen if secret in seen[place]] == []


@pytest.mark.slow(reason="a Spark application starts in a container and has to be refused")
def test_a_spark_application_without_the_secret_is_refused(project: Project, refused: list[Future[str]]) -> None:
    said = [one.result() for one in refused]
    cluster = request_json(project.settings.spark_master_ui_port, "/json/")
    assert cluster["aliveworkers"] == 3
    assert all("Failed to connect to master" in one and "answered" not in one for one in said), said
    assert "stranger" not in {one["name"] for one in cluster["activeapps"] + cluster["completedapps"]}
