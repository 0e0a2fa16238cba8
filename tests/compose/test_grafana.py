"""Grafana as the deployment brings it: data sources, boards and rules are there, and its passwords are seen nowhere."""

import base64
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from dashboards.alerts import RULES
from dashboards.ask import answers
from dashboards.generate import BOARDS
from dashboards.sources import CLICKHOUSE_PLUGIN, POSTGRES, SOURCES
from native.airflow_api import Airflow
from storeline.settings import ROOT
from tests.compose.project import Project
from tests.compose.test_boot import BUILD, COPY, VERIFY, wait_for

# Each process that is Grafana, or a plugin of its; what docker runs beside it has the container's own environment.
ENVIRONMENTS = """for one in /proc/[0-9]*; do
    case $(cat $one/comm) in grafana* | python* | gpx*) cat $one/environ ;; esac
done"""


def get(project: Project, path: str, password: str | None = None) -> object:
    """Return what Grafana's API answers to its administrator. Raises HTTPError."""
    settings = project.settings
    login = f"{settings.grafana_admin_user}:{password or settings.grafana_admin_password}"
    headers = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
    with urlopen(Request(f"http://127.0.0.1:{settings.grafana_port}{path}", headers=headers), timeout=30) as answer:
        return json.loads(answer.read())


def test_the_data_sources_the_boards_and_the_rules_are_there(project: Project) -> None:
    sources, boards = get(project, "/api/datasources"), get(project, "/api/search")
    rules = get(project, "/api/v1/provisioning/alert-rules")
    assert isinstance(sources, list)
    assert isinstance(boards, list)
    assert isinstance(rules, list)
    assert {(one["uid"], one["type"]) for one in sources} == {(one.uid, one.type) for one in SOURCES}
    assert {one["uid"]: one["title"] for one in boards} == {one.uid: one.title for one in BOARDS.values()}
    assert {one["uid"] for one in rules} == {rule.uid for rule in RULES}
    for board in BOARDS.values():
        found = get(project, f"/api/dashboards/uid/{board.uid}")
        assert isinstance(found, dict)
        assert len(found["dashboard"]["panels"]) == len(board.panels)


def test_the_data_sources_know_the_servers_by_their_names_inside(project: Project) -> None:
    sources = get(project, "/api/datasources")
    assert isinstance(sources, list)
    addresses = {one["uid"]: one.get("url") or one["jsonData"]["host"] for one in sources}
    assert addresses == {
        "storeline-postgres": "postgres.source:5432",
        "storeline-airflow": "postgres.source:5432",
        "storeline-mysql": "mysql.warehouse:3306",
        "storeline-clickhouse": "clickhouse.warehouse",
    }


@pytest.mark.parametrize("password", ["admin", "storeline_grafana"])
def test_a_known_password_opens_nothing(project: Project, password: str) -> None:
    with pytest.raises(HTTPError, match="401"):
        get(project, "/api/datasources", password)


def test_its_passwords_are_in_files_in_memory_and_in_no_process_of_its(project: Project) -> None:
    mounted = project.inside("grafana", "grep", " /run/storeline ", "/proc/mounts").split()
    assert mounted[0] == "tmpfs"
    listed = project.inside("grafana", "ls", "-l", "/run/storeline").splitlines()[1:]
    assert len(listed) == 4
    assert {line.split()[0].rstrip(".+") for line in listed} == {"-rw-------"}
    seen = project.inside("grafana", "sh", "-c", ENVIRONMENTS)
    assert "GF_SECURITY_SECRET_KEY=" in seen
    assert [name for name, mark in project.marks.items() if mark in seen] == []


def test_the_plugin_is_the_images_and_its_root_cannot_be_written(project: Project) -> None:
    assert CLICKHOUSE_PLUGIN in project.inside("grafana", "ls", "/opt/storeline/plugins")
    assert "Read-only" in project.inside("grafana", "touch", "/opt/storeline/plugins/mine", check=False)
    assert "preinstall_auto_update = false" in project.inside("grafana", "cat", "/etc/grafana/grafana.ini")


def test_no_service_waits_for_grafana() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert [name for name, one in services.items() if "grafana" in (one.get("depends_on") or {})] == []


@pytest.mark.slow(reason="Airflow runs three jobs in containers where no test before has let it")
def test_the_boards_have_data_after_the_first_runs(project: Project, airflow: Airflow) -> None:
    for dag in (COPY, BUILD):
        airflow.unpause(dag, 120)
    wait_for(lambda: all(airflow.has_succeeded(dag) for dag in (COPY, BUILD)))
    airflow.unpause(VERIFY, 120)
    wait_for(lambda: airflow.has_succeeded(VERIFY))
    for name in ("shop", "cockpit"):
        for panel, (names, rows) in zip(BOARDS[name].panels, answers(project.settings, BOARDS[name]), strict=True):
            assert names == [column.name for column in panel.columns]
            # The stream may not have begun, and nothing has failed.
            assert rows or panel.source == POSTGRES or panel.title == "Batch runs that failed", panel.title
