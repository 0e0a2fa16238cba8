"""Each container is restarted once, the whole is stopped and started: nothing is lost and the next run is green."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from docker import make_secrets
from native.airflow_api import Airflow
from storeline.stores import mysql
from tests.compose.project import ONE_SHOTS, Project, service_of
from tests.compose.test_boot import COPY, wait_for
from tests.marts.comparison import differences

pytestmark = pytest.mark.timeout(1800)


def turns_green(airflow: Airflow, dag: str) -> None:
    """Trigger a DAG and wait until that run has succeeded. Raises StorelineError when it fails."""
    run = airflow.trigger(dag)

    def is_done() -> bool:
        state = next(one["state"] for one in airflow.runs(dag) if one["dag_run_id"] == run)
        assert state != "failed", airflow.why(dag, run)
        return bool(state == "success")

    wait_for(is_done)


def generations(project: Project) -> set[str]:
    """Return the runs that the replica holds."""
    with closing(mysql.replicator(project.settings).connect()) as connection:
        return {run for (run,) in mysql.ask(connection, "select run_id from ops.bases")}


@pytest.mark.slow(reason="every container starts again")
def test_the_platform_recovers_from_a_restart_of_each_container(
    project: Project, airflow: Airflow, readable_code: None
) -> None:
    before = generations(project)
    running = [one["Id"] for one in project.containers() if service_of(one) not in ONE_SHOTS]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda container: project.run("docker", "restart", container), running))
    project.wait_until_well()
    assert generations(project) == before
    turns_green(airflow, COPY)
    assert generations(project) != before


@pytest.mark.slow(reason="every container starts again")
def test_stop_and_start_find_the_data(project: Project, airflow: Airflow) -> None:
    before = generations(project)
    project.compose("stop")
    project.compose("start")
    project.wait_until_well()
    assert generations(project) == before
    assert differences(project.settings) == []
    assert airflow.has_succeeded(COPY)


@pytest.mark.slow(reason="the images are built again, from what is cached")
def test_a_second_up_changes_nothing(project: Project) -> None:
    before = {one["Id"] for one in project.containers() if service_of(one) not in ONE_SHOTS}
    project.compose("up", "--detach", "--wait")
    assert {one["Id"] for one in project.containers() if service_of(one) not in ONE_SHOTS} == before
    assert project.unwell() == []


@pytest.mark.slow(reason="containers start again")
def test_running_databases_take_new_passwords_of_their_administrators(project: Project) -> None:
    names = make_secrets.KEPT_BY_DATABASES
    old, new = ({name: values[name] for name in names} for values in (project.values, make_secrets.random_values()))

    def run(*command: str, now: dict[str, str], given: str = "", check: bool = True) -> str:
        """Run the service with the passwords that a configuration has now."""
        given_now = [word for name, value in now.items() for word in ("-e", f"{name}={value}")]
        return project.compose(
            "run", "--rm", "--no-deps", "-T", *given_now, "init-db", *command, given=given, check=check
        )

    change = ("python", "-m", "init_db.admin_passwords")
    run(*change, now=old, given=json.dumps(new))
    assert "password authentication failed" in run(now=old, check=False)
    run(*change, now=new, given=json.dumps(old))
    assert "mysql is ready" in run(now=old)
