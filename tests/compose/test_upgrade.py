"""Containers of the first compose file, with data, are taken over by the newest code: nothing is gone."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from native.airflow_api import Airflow
from storeline.settings import ROOT
from storeline.stores import mysql, postgres
from tests.compose.project import Project
from tests.compose.test_boot import BUILD, COPY, wait_for
from tests.compose.test_restarts import turns_green
from tests.marts.comparison import differences

pytestmark = pytest.mark.timeout(3600)

FIRST = "c540b6f"  # the first commit that has a compose file; its image held no marts, so only its copy ran


@pytest.fixture
def first(tmp_path: Path) -> Any:
    """Return the deployment as its first commit describes it, not yet started."""
    root = tmp_path / "first"
    project = Project.new(tmp_path, name="storeline-upgrade", root=root)
    git = ("git", "-C", str(ROOT), "worktree")
    replace(project, root=ROOT).run(*git, "add", "--detach", str(root), FIRST)
    try:
        yield project
    finally:
        project.compose("down", "--volumes", "--remove-orphans", check=False)
        # The first compose file does not know the volumes of the newest.
        replace(project, root=ROOT).compose("down", "--volumes", check=False)
        replace(project, root=ROOT).run(*git, "remove", "--force", str(root))


def kept(project: Project) -> dict[str, Any]:
    """Return what a person would miss: the shop, the copy, the marts, the history of the runs."""
    airflow = Airflow(project.settings)
    with (
        closing(postgres.owner(project.settings).connect()) as source,
        closing(mysql.replicator(project.settings).connect()) as target,
        source.cursor() as cursor,
    ):
        cursor.execute("select count(*), sum(total_amount) from source.orders")
        return {
            "shop": cursor.fetchone(),
            "copy": mysql.ask(target, "select distinct run_id from ops.bases"),
            "copied orders": mysql.ask(target, "select count(*), sum(total_amount) from replica.orders"),
            "runs": {run["dag_run_id"] for dag in (COPY, BUILD) for run in airflow.runs(dag)},
        }


@pytest.mark.slow(reason="two versions of all containers start")
def test_the_newest_code_finds_what_the_first_one_left(first: Project) -> None:
    first.compose("up", "--build", "--detach", "--wait")
    airflow = Airflow(first.settings)
    airflow.unpause(COPY, 120)
    wait_for(lambda: airflow.has_succeeded(COPY))
    airflow.call(f"/dags/{COPY}", "PATCH", {"is_paused": True})
    before = kept(first)

    newest = replace(first, root=ROOT)
    newest.compose("up", "--build", "--detach", "--wait", "--remove-orphans")
    newest.wait_until_well()

    assert kept(newest) == before
    airflow = Airflow(newest.settings)
    for dag in (COPY, BUILD):
        airflow.unpause(dag, 120)
    turns_green(airflow, COPY)
    wait_for(lambda: airflow.has_succeeded(BUILD))
    assert differences(newest.settings) == []
