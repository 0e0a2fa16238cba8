"""Code is live: an edit of the checkout counts with the next run, without a build, and one that is broken is named."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from native.airflow_api import Airflow
from storeline.stores import mysql, postgres
from tests.compose.project import Project, service_of
from tests.compose.test_boot import BUILD, COPY, wait_for
from tests.compose.test_restarts import turns_green
from tests.marts.comparison import INDEPENDENT, as_text

pytestmark = pytest.mark.timeout(1800)

MART = "mart_average_check"
BROKEN = "from airflow.sdk import DAG\n\nraise RuntimeError('thirty bytes')\n\nDAG('broken')\n"


@pytest.fixture
def live(project: Project, readable_code: None) -> Project:
    """Return the deployment when its scheduler was started since the code can be read."""
    looked = project.inside(
        "airflow-scheduler", "sh", "-c", "cat /proc/[0-9]*/environ | grep -c /opt/storeline/checkout/dags", check=False
    )
    if looked.strip() in ("", "0"):
        project.compose("restart", "airflow-scheduler", "airflow-dag-processor")
        project.wait_until_well()
    return project


@pytest.fixture
def edit(live: Project) -> Iterator[Any]:
    """Return a way to replace a text in a file of the checkout; in the end each file is as it was."""
    before: dict[Path, str] = {}

    def change(name: str, old: str, new: str) -> None:
        file = live.root / name
        before.setdefault(file, file.read_text())
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    yield change
    for file, text in before.items():
        file.write_text(text)


def state_of(project: Project, service: str) -> str:
    return next(one["State"]["Health"]["Status"] for one in project.containers() if service_of(one) == service)


@pytest.mark.slow(reason="Airflow runs two jobs on the cluster of containers")
def test_the_next_runs_bring_an_edited_mart_and_an_added_table(project: Project, airflow: Airflow, edit: Any) -> None:
    with closing(postgres.owner(project.settings).connect()) as source, source.cursor() as cursor:
        cursor.execute("create table source.suppliers (supplier_id bigint primary key, name text not null)")
        cursor.execute("insert into source.suppliers values (1, 'first'), (2, 'second')")
        source.commit()
    edit("storeline/tables.py", '    Table("users"),\n', '    Table("users"),\n    Table("suppliers"),\n')
    edit(f"spark_jobs/marts/{MART}.sql", "cast(total_amount / orders_cnt", "cast(2 * (total_amount / orders_cnt)")
    wait_for(lambda: airflow.call("/assets?name_pattern=replica.suppliers")["total_entries"] == 1, 240)
    turns_green(airflow, COPY)
    turns_green(airflow, BUILD)
    with (
        closing(postgres.owner(project.settings).connect()) as source,
        closing(mysql.analyst(project.settings).connect()) as target,
        source.cursor() as cursor,
    ):
        assert mysql.ask(target, "select * from replica.suppliers order by 1") == [(1, "first"), (2, "second")]
        cursor.execute((INDEPENDENT / f"{MART}.sql").read_text())
        was = as_text(cursor.fetchall())
        now = as_text(mysql.ask(target, f"select * from marts.{MART}"))
    assert [row[:2] for row in now] == [row[:2] for row in was]
    assert all(abs(float(new[2]) - 2 * float(old[2])) < 0.02 for new, old in zip(now, was, strict=True))


@pytest.mark.slow(reason="Airflow reads the DAGs again, and the health check looks now and then")
def test_a_broken_dag_is_unhealthy_by_its_name_until_it_is_gone(live: Project) -> None:
    broken = live.root / "dags" / "broken.py"
    broken.write_text(BROKEN)
    try:
        wait_for(lambda: state_of(live, "airflow-dag-processor") == "unhealthy", 240)
        with pytest.raises(AssertionError, match=r"airflow-dag-processor-1 is unhealthy"):
            live.compose("up", "--detach", "--wait", "--no-deps", "airflow-dag-processor")
        said = live.compose("logs", "--no-log-prefix", "airflow-dag-processor")
        assert "dags_listed: dags/broken.py: RuntimeError: thirty bytes" in said.splitlines()
    finally:
        broken.unlink()
    live.wait_until_well()
