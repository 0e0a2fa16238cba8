"""The shop's changes in containers: the profile `changes` starts as the README says it, and a change reaches MySQL."""

import re
import shlex
from contextlib import closing

import pytest

from native.airflow_api import Airflow
from storeline.settings import ROOT
from storeline.stores import mysql, postgres
from tests.compose.project import Project
from tests.compose.test_boot import COPY, wait_for
from tests.compose.test_restarts import turns_green
from tests.compose.test_stream import stop

pytestmark = pytest.mark.timeout(900)

STREAM = "postgres_to_mysql_streaming"
PHONE = "+1 555 0100"  # which no mart shows


def command(page: str, verb: str) -> list[str]:
    """Return the words of the command for the profile that a page has."""
    (line,) = set(re.findall(rf"docker compose --profile changes {verb} [^`\n]*", (ROOT / page).read_text()))
    return shlex.split(line)


def statement() -> str:
    """Return what docs/operations.md has the owner of the database run to end the capture."""
    (found,) = re.findall(r"```sql\n(with ended as .*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    return found


def write(project: Project, text: str) -> None:
    with closing(postgres.owner(project.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(text)
        connection.commit()


def replicated_phone(project: Project) -> object:
    with closing(mysql.analyst(project.settings).connect()) as connection:
        return mysql.ask(connection, "select phone from replica.users where user_id = 1")[0][0]


@pytest.mark.slow(reason="Kafka Connect, a copy and a stream start in containers")
def test_a_change_of_the_shop_reaches_mysql_and_the_capture_can_be_ended(project: Project, airflow: Airflow) -> None:
    project.run(*command("README.md", "up"))
    assert project.unwell() == []
    turns_green(airflow, COPY)
    airflow.unpause(STREAM, 120)
    write(project, f"update source.users set phone = '{PHONE}' where user_id = 1")
    wait_for(lambda: replicated_phone(project) == PHONE, 240)
    assert "storeline.changes" in project.command("lag")

    stop(airflow, STREAM)
    project.run(*command("docs/operations.md", "rm"))
    write(project, statement())
