"""A lost PostgreSQL comes back with the commands of docs/operations.md: nothing differs, and everything goes on.

The copy and the marts after it show what the stream has landed before (test_stream.py).
"""

import re
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from storeline.events.lag import lags
from storeline.settings import ROOT
from storeline.stores import mysql, postgres
from tests.compose.project import Project
from tests.compose.test_boot import BUILD, COPY, wait_for
from tests.compose.test_restarts import turns_green
from tests.compose.test_stream import STREAM, web_orders
from tests.integration.generate.shop_in_postgres import STRUCTURE, ask
from tests.marts.comparison import differences

pytestmark = pytest.mark.timeout(1800)

PRODUCERS = ("produce-orders", "produce-users")
VOLUME = "storeline_postgres"  # as the page has it, for a user's deployment
CASTS = re.compile(r"::(character varying|text)(\[\])?|[()]")
TABLES = """select format('%I.%I', table_schema, table_name) from information_schema.tables
    where table_schema in ('source', 'ops', 'sales') and table_type = 'BASE TABLE' order by 1"""
SEQUENCES = "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
LEDGER = ("select * from ops.runs order by run_id", "select * from ops.run_tables order by run_id, table_name")


def commands() -> tuple[list[str], list[str]]:
    """Return the page's commands that back up, and those that restore."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = re.search(r"^## Backup and restore$(.*?)^## ", page, flags=re.DOTALL | re.MULTILINE)
    assert section
    back_up, restore = re.findall(r"```sh\n(.*?)```", section[1], flags=re.DOTALL)
    return lines(back_up), lines(restore)


def lines(block: str) -> list[str]:
    """Return a block's commands; one that ends with a backslash goes on in the next line."""
    return re.split(r"(?<!\\)\n", block.strip())


def typed(project: Project, command: str) -> None:
    """Run a command of the page in a shell, as a user of this deployment types it."""
    project.run("bash", "-c", command.replace(VOLUME, f"{project.name}_{VOLUME.partition('_')[2]}"))


def contents(project: Project) -> dict[str, object]:
    """Return what the shop's database holds: the rows of each table as a count and a sum of hashes, the sequences."""
    with closing(postgres.owner(project.settings).connect()) as connection:
        hashed = "select count(*), sum(hashtextextended(t::text, 0)) from {} as t"
        held: dict[str, object] = {name: ask(connection, hashed.format(name)) for (name,) in ask(connection, TABLES)}
        return held | {"sequences": ask(connection, SEQUENCES)}


def structure(project: Project) -> list[list[str]]:
    """Return columns, constraints, indexes, triggers and grants."""
    with closing(postgres.owner(project.settings).connect()) as connection:
        # PostgreSQL reads a check that it wrote itself with other casts and brackets around the same words.
        return [[CASTS.sub("", text or "") for text in row] for row in ask(connection, STRUCTURE)]


def ledger(project: Project) -> list[object]:
    with closing(mysql.analyst(project.settings).connect()) as connection:
        return [mysql.ask(connection, query) for query in LEDGER]


def orders_in_marts(project: Project) -> int:
    with closing(mysql.analyst(project.settings).connect()) as connection:
        return int(mysql.ask(connection, "select sum(total_orders) from marts.UserOrders")[0][0])


def decided(project: Project) -> dict[str, int]:
    """Return how many events of each topic have an outcome."""
    return {one.topic: sum(one.outcomes.values()) for one in lags(project.settings)}


@pytest.mark.slow(reason="every container is removed and starts again, then two jobs and the stream run")
def test_a_lost_database_is_restored_from_a_backup_and_the_platform_goes_on(project: Project, airflow: Airflow) -> None:
    # The stream does not run. Without jobs and producers nothing writes into the databases, so their state is known.
    project.compose("stop", *PRODUCERS)
    wait_for(lambda: not {"queued", "running"} & {run["state"] for dag in (COPY, BUILD) for run in airflow.runs(dag)})
    for dag in (COPY, BUILD):
        airflow.call(f"/dags/{dag}", "PATCH", {"is_paused": True})
    before, built, ran = contents(project), structure(project), ledger(project)
    written = {one.topic: one.written for one in lags(project.settings)}
    assert sum(one.lag for one in lags(project.settings)) > 0
    back_up, restore = commands()
    for command in back_up:
        typed(project, command)

    for command in restore:
        typed(project, command)
        if "pg_restore" in command:
            assert contents(project) == before
    assert structure(project) == built
    assert ledger(project) == ran
    assert project.unwell() == []

    airflow = Airflow(project.settings)  # its database is new, and so is the login
    for dag in (COPY, BUILD):
        airflow.unpause(dag, 120)
        turns_green(airflow, dag)
    assert differences(project.settings) == []
    assert (landed := web_orders(project)) > 0
    assert orders_in_marts(project) == 3000 + landed
    airflow.unpause(STREAM, 120)
    wait_for(lambda: all(decided(project)[topic] >= count for topic, count in written.items()))
