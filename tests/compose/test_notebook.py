"""JupyterHub in a browser: log in, run the notebook on the cluster, see its pictures; and what stays closed."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest

from native.airflow_api import Airflow
from native.web import request_json
from storeline.accounts import CLICKHOUSE_LOADER
from storeline.settings import ROOT
from storeline.stores import clickhouse
from tests.compose.hub import Hub, chromium
from tests.compose.project import Project, service_of
from tests.compose.test_boot import BUILD, COPY, wait_for
from tests.page import Page

pytestmark = pytest.mark.timeout(1800)

PROFILE = ("--profile", "notebook")
IMAGE = "storeline-notebook:local"
IMPORT = "2020-01-07"
NOTEBOOK = "explore.ipynb"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}


@pytest.fixture(scope="module")
def sales(project: Project) -> Iterator[None]:
    """Let ClickHouse hold the sums of an import of its own, which is gone afterwards."""
    rows = ", ".join(f"('{IMPORT}', '{region}', 1, 3, 2.50)" for region in ("North", "South"))
    columns = "import_date, region, product_id, sales_count, sales_amount"
    with closing(clickhouse.connect(project.settings, is_loader=True)) as connection:
        connection.command(f"insert into sales.sales_summary ({columns}) values {rows}")
        yield
        connection.command(f"alter table sales.sales_summary drop partition '{IMPORT}'")


@pytest.fixture(scope="module")
def notebook(project: Project, airflow: Airflow, sales: None, tmp_path_factory: Any) -> Iterator[Project]:
    """Return the deployment with marts in it and JupyterHub beside it, which is gone afterwards."""
    for dag in (COPY, BUILD):
        airflow.unpause(dag, 120)
    wait_for(lambda: all(airflow.has_succeeded(dag) for dag in (COPY, BUILD)))
    project = with_a_reader(project, tmp_path_factory.mktemp("notebook"))
    try:
        project.compose(*PROFILE, "up", "--build", "--detach", "--no-deps", "--wait", "notebook")
        yield project
    finally:
        project.compose(*PROFILE, "rm", "--stop", "--force", "--volumes", "notebook")
        project.run("docker", "volume", "rm", "--force", f"{project.name}_notebooks")


def with_a_reader(project: Project, folder: Path) -> Project:
    """Return the project with a reader that its ClickHouse lets in; a stand-in for the image knows the loader alone."""
    try:
        clickhouse.connect(project.settings).close()
    except clickhouse.ClickhouseError:
        user, password = (str(read(CLICKHOUSE_LOADER)) for read in (project.settings.user, project.settings.password))
        return project.changed(folder, CLICKHOUSE_READER_USER=user, CLICKHOUSE_READER_PASSWORD=password)
    return project


@pytest.fixture(scope="module")
def hub(notebook: Project) -> Iterator[Hub]:
    """Return a browser that looks at JupyterHub."""
    with chromium() as driver:
        driver.set_script_timeout(30)
        yield Hub(driver, notebook.settings.notebook_port, notebook.settings.notebook_user)


@pytest.fixture(scope="module")
def report(notebook: Project) -> Iterator[Future[str]]:
    """Begin the report as the README says it, and go on."""
    command = ("python", "-m", "notebooks.report")
    with ThreadPoolExecutor() as pool:
        yield pool.submit(notebook.inside, "notebook", *command)


@pytest.mark.parametrize(
    ("user", "password"), [("explorer", "not-the-password"), ("somebody", ""), ("admin", ""), ("explorer", " ")]
)
def test_nobody_else_gets_in(notebook: Project, hub: Hub, user: str, password: str) -> None:
    hub.log_in(user, password or str(notebook.settings.notebook_password))
    said = hub.wait("the refusal", lambda: [one.text for one in hub.find(".login_error")])
    assert said == ["Invalid username or password"]


@pytest.mark.slow(reason="a notebook runs on the cluster of containers, in a browser")
def test_the_notebook_runs_on_the_cluster_and_shows_its_pictures(notebook: Project, hub: Hub) -> None:
    hub.log_in(hub.user, str(notebook.settings.notebook_password))
    hub.wait("the notebook's page", lambda: hub.driver.current_url.endswith("/lab/tree/explore.ipynb"))
    hub.open(NOTEBOOK)
    before = slots(notebook, "explore", "completedapps")
    hub.choose("Run", "runmenu:run-all")
    # What its last cell does.
    hub.wait("the end of its application", lambda: slots(notebook, "explore", "completedapps") != before)
    hub.wait("the end of its last cell", lambda: hub.is_idle(NOTEBOOK))
    hub.choose("File", "docmanager:save")
    outputs = hub.wait("its pictures", lambda: found if pictures(found := hub.outputs(NOTEBOOK)) == 4 else None)
    assert [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"] == []
    assert "counted by spark://master.spark:7077" in json.dumps(outputs)
    assert set(slots(notebook, "explore", "completedapps")) == {1}
    shown = hub.wait("a picture in the page", lambda: hub.find(".jp-OutputArea-output img[src^='data:image/png']"))
    if os.environ.get("STORELINE_RECORD"):
        hub.driver.execute_script("arguments[0].scrollIntoView({block: 'end'})", shown[-1])
        time.sleep(2)
        hub.driver.save_screenshot(str(ROOT / "docs" / "jupyterhub.png"))


def slots(project: Project, application: str, kind: str) -> list[int]:
    """Return the slots of a notebook's applications, of those that run (`activeapps`) or have ended."""
    cluster = request_json(project.settings.spark_master_ui_port, "/json/")
    return [one["cores"] for one in cluster[kind] if one["name"] == application]


def pictures(outputs: list[dict[str, Any]]) -> int:
    """Return how many of the outputs are pictures."""
    return sum("image/png" in one.get("data", {}) for one in outputs)


def test_no_secret_is_in_the_image_the_pages_or_what_the_engine_tells(notebook: Project, hub: Hub) -> None:
    seen = {"image": json.dumps(json.loads(notebook.run("docker", "image", "inspect", IMAGE)))}
    seen["layers"] = notebook.run("docker", "history", "--no-trunc", IMAGE)
    (container,) = (one for one in notebook.containers() if service_of(one) == "notebook")
    shown = [container["Config"].get(key) for key in ("Cmd", "Entrypoint", "Labels", "Healthcheck")]
    seen["description"] = json.dumps([*shown, container["Path"], container["Args"], container["State"]])
    seen["log"] = notebook.run("docker", "logs", container["Id"])
    seen["processes"] = notebook.run("docker", "top", container["Id"], "-eo", "pid,args")
    hub.open(NOTEBOOK)
    seen["the notebook"] = json.dumps(hub.outputs(NOTEBOOK))
    seen["what its server tells"] = json.dumps([hub.fetch(path) for path in ("kernelspecs", "sessions", "status")])
    seen["its page"] = hub.driver.page_source
    for page in ("/hub/login", "/hub/home", "/hub/token"):
        hub.driver.get(hub.root + page)
        seen[page] = hub.driver.page_source
    assert all(seen.values())
    assert [(name, place) for name, secret in notebook.marks.items() for place in seen if secret in seen[place]] == []
    patterns = "\n".join(notebook.marks.values())
    files = ("/opt", "/home", "/etc", "/usr/local/etc", "/usr/local/share/jupyter", "/var/lib/storeline")
    assert notebook.inside("notebook", "grep", "-rlsFf", "-", *files, given=patterns, check=False) == ""


@pytest.mark.slow(reason="a kernel that holds a slot has to be idle for NOTEBOOK_IDLE_SECONDS")
def test_an_idle_kernel_is_ended_and_gives_its_slot_back_though_its_page_is_open(
    notebook: Project, hub: Hub, report: Future[str]
) -> None:
    source = "from pyspark.sql import SparkSession\nSparkSession.builder.appName('left').getOrCreate()"
    left = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=KERNEL)
    hub.open(NOTEBOOK)
    hub.fetch("contents/left.ipynb", put={"type": "notebook", "content": left})
    hub.open("left.ipynb")
    hub.choose("Run", "runmenu:run-all")
    hub.wait("a slot", lambda: slots(notebook, "left", "activeapps"))
    hub.wait("no kernel", lambda: hub.fetch("kernels") == [])
    hub.wait("a free slot", lambda: not slots(notebook, "left", "activeapps"))


@pytest.mark.slow(reason="a notebook with a Spark application of its own runs in a container")
def test_the_report_is_made_in_the_container_and_loads_nothing(hub: Hub, report: Future[str], tmp_path: Path) -> None:
    file, said = tmp_path / "report.html", report.result()
    file.write_text(said[said.index("<!DOCTYPE html>") :])
    page = Page(file.read_text())
    assert (page.fetched, len(page.pictures)) == ([], 4)
    hub.driver.get(file.as_uri())
    script = "return [performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:')),"
    script += " [...document.images].every(i => i.naturalWidth > 100)]"
    assert hub.driver.execute_script(script) == [[], True]


@pytest.mark.slow(reason="a name that is not known in a network takes its resolver seconds")
def test_it_reaches_only_what_it_works_with(notebook: Project) -> None:
    reached = {
        ("notebook", "mysql.warehouse", 3306): True,
        ("notebook", "clickhouse.warehouse", 8123): True,
        ("notebook", "master.spark", 7077): True,
        ("notebook", "postgres.source", 5432): False,
        ("notebook", "kafka.events", 19092): False,
        ("notebook", "api.airflow", 8080): False,
        # Nothing listens there, but a way out would time out later than a missing route.
        ("notebook", "192.0.2.1", 443): False,
    }
    assert notebook.reached(reached) == {way for way, is_open in reached.items() if is_open}
