"""The native stack as its users see it: started, changed, killed, stopped."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from native.members import members, supervisor_process
from native.spark import spark_submit
from native.stack import Stack
from native.web import request_json
from storeline.accounts import POSTGRES_AIRFLOW
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings
from storeline.stores import mysql, postgres
from tests.stacks import with_free_ports

pytestmark = pytest.mark.integration

JOB = ROOT / "native" / "warm_up.py"
LOOK_FOR_BYTECODE = """
from pathlib import Path
from pyspark.sql import SparkSession

def bytecode(_=None):
    import pyspark
    return Path(pyspark.__cached__).exists()

context = SparkSession.builder.getOrCreate().sparkContext
assert (bytecode(), context.parallelize([1], 1).map(bytecode).collect()) == (True, [True])
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a running stack without Airflow, in a folder whose path is too long for sockets."""
    home = tmp_path_factory.mktemp("native") / ("long" * 20)
    with Stack(home, with_free_ports(), ("postgres", "mysql", "spark")) as stack:
        yield stack


def submit(stack: Stack, job: Path = JOB, **variables: str) -> subprocess.Popen[str]:
    command = [*spark_submit(stack.settings.spark_master_url), str(job)]
    environment = stack.environment() | variables
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def applications(stack: Stack) -> int:
    cluster = request_json(stack.settings.spark_master_ui_port, "/json/")
    return len(cluster["activeapps"]) + len(cluster["completedapps"])


def test_every_process_is_up(stack: Stack) -> None:
    up = {one.name for one in stack.status() if one.state == "RUNNING"}
    assert up == {"postgres", "mysql", "spark-master", "spark-worker", "spark-history"}


def test_a_master_whose_port_is_taken_says_so_and_takes_no_other(tmp_path: Path) -> None:
    settings = with_free_ports()
    taken = ("127.0.0.1", urlsplit(settings.spark_master_url).port)
    reason = re.compile(r"spark-master does not start: .*Address already in use")
    with socket.create_server(taken), pytest.raises(StorelineError, match=reason):
        Stack(tmp_path, settings, ("spark",)).__enter__()


def test_what_is_committed_is_durable(stack: Stack) -> None:
    with closing(mysql.admin(stack.settings).connect()) as connection:
        durable = mysql.ask(connection, "select @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite")
        locks = "select enabled from performance_schema.setup_instruments where name = 'wait/lock/metadata/sql/mdl'"
        assert (durable, mysql.ask(connection, locks)) == ([(1, "ON")], [("YES",)])
    with closing(postgres.owner(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('fsync'), current_setting('wal_level')")
        assert cursor.fetchone() == ("on", "logical")


def test_a_transaction_that_a_killed_scheduler_left_open_is_ended(stack: Stack) -> None:
    user, password = (read(POSTGRES_AIRFLOW) for read in (stack.settings.user, stack.settings.password))
    login = replace(postgres.owner(stack.settings, stack.settings.postgres_airflow_db), user=user, password=password)
    with closing(login.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select current_setting('idle_in_transaction_session_timeout')")
        assert cursor.fetchone() == ("2min",)


def test_only_this_machine_is_served(stack: Stack) -> None:
    outside = socket.gethostbyname(socket.gethostname())
    if outside.startswith("127."):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            outside = probe.getsockname()[0]
    ports = [int(value) for name, value in stack.settings.values.items() if name.endswith("_PORT")]
    for port in ports:
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((outside, port)) != 0, port


def test_the_cluster_takes_no_application_over_rest(stack: Stack) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 6066)) != 0


def test_an_application_without_the_secret_is_refused(stack: Stack) -> None:
    before = applications(stack)
    stranger = submit(stack, _SPARK_AUTH_SECRET="a-secret-that-is-not-the-right-one")
    try:
        assert stranger.stderr
        said = next(line for line in stranger.stderr if "Failed to connect to master" in line or "rejected" in line)
    finally:
        stranger.kill()
        stranger.communicate()
    assert "Failed to connect to master" in said
    assert applications(stack) == before


def test_a_job_with_the_secret_runs_and_its_history_is_kept(stack: Stack) -> None:
    job = submit(stack)
    said = job.communicate(timeout=180)[1]
    assert job.returncode == 0, said
    assert applications(stack) == 1
    assert len(list((stack.home / "spark" / "events").iterdir())) == 1


def test_driver_and_executors_need_not_compile_pyspark(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(LOOK_FOR_BYTECODE)
    job = submit(stack, tmp_path / "job.py")
    said = job.communicate(timeout=180)[1]
    assert job.returncode == 0, said


@pytest.mark.faults
def test_a_service_that_dies_comes_back(stack: Stack) -> None:
    (pid,) = (one.pid for one in stack.status() if one.name == "mysql")
    os.kill(pid, signal.SIGKILL)
    # The supervisor may not know yet that it died.
    stack.start(("mysql",))
    mysql.admin(stack.settings).connect().close()
    assert pid not in [one.pid for one in stack.status()]


@pytest.mark.faults
def test_all_processes_end_and_data_stays_even_when_the_supervisor_was_killed(stack: Stack) -> None:
    with closing(mysql.admin(stack.settings).connect()) as connection:
        mysql.do(connection, "create table ops.kept (id int primary key) select 7 as id")
    supervisor = supervisor_process(stack.home)
    assert supervisor
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait(60)
    assert members(stack.home)
    stack.stop()
    assert members(stack.home) == set()
    assert stack.status() == []
    stack.start(("mysql",))
    with closing(mysql.admin(stack.settings).connect()) as connection:
        assert mysql.ask(connection, "select id from ops.kept") == [(7,)]


def test_a_changed_password_counts_from_the_next_start(stack: Stack) -> None:
    new = {"POSTGRES_PASSWORD": 'it\'s "new" $1', "MYSQL_ADMIN_PASSWORD": 'it\'s "new" \\ $1'}
    changed = Stack(stack.home, Settings({**stack.settings.values, **new}), stack.services)
    changed.start(("postgres", "mysql"))
    with pytest.raises(postgres.PostgresError):
        postgres.owner(stack.settings).connect()
    with pytest.raises(mysql.MysqlError):
        mysql.admin(stack.settings).connect()
    changed.stop()


def test_a_server_that_cannot_start_is_one_line_with_its_reason(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        blocked = Stack(stack.home, Settings({**stack.settings.values, "MYSQL_PORT": port}), ("mysql",))
        with pytest.raises(StorelineError) as error:
            blocked.start()
        blocked.stop()
    assert "mysql does not start" in str(error.value)
    assert "\n" not in str(error.value)
