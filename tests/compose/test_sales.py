"""The weekly sales in containers: executors and driver share the files, and ClickHouse holds what these say."""

import hashlib
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from native.airflow_api import Airflow
from storeline.accounts import CLICKHOUSE_LOADER, CLICKHOUSE_READER
from storeline.settings import ROOT, Settings, read_file
from storeline.stores import clickhouse, postgres
from storeline.stores.clickhouse import ClickhouseError
from tests import sales as independent
from tests.compose.project import Project
from tests.compose.test_boot import wait_for

pytestmark = pytest.mark.timeout(900)

SALES = "sales_pipeline"


@pytest.mark.slow(reason="six tasks of Airflow's in containers, two of them with a driver")
def test_the_sales_turn_green_and_clickhouse_equals_an_independent_computation(
    project: Project, airflow: Airflow, tmp_path: Path
) -> None:
    airflow.unpause(SALES, 120)
    wait_for(lambda: airflow.has_succeeded(SALES), 600)
    # As the account that writes: the stand-in for the image knows one account.
    with closing(clickhouse.connect(project.settings, is_loader=True)) as client:
        found = client.query("select * from sales.sales_summary order by region, product_id")
    ((run_date, *_), *_) = found
    project.compose("cp", f"airflow-scheduler:/var/lib/storeline/sales/{run_date}", str(tmp_path))
    counting, reasons = independent.judged(independent.raw_rows(tmp_path, run_date), run_date)
    assert found == [(run_date, *row) for row in independent.summary(counting.values())]
    with closing(postgres.reader(project.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select rule, bad_rows from ops.sales_reports")
        assert dict(cursor.fetchall()) == reasons


# Instead of becoming the server, show what it would be given.
SHOWN = "exec() { env; cat /run/storeline/users.xml; }; source /etc/storeline/start.sh"


def test_clickhouse_is_given_two_accounts_and_sums_of_their_passwords(project: Project) -> None:
    options = ("run", "--rm", "--no-deps", "-T", "--entrypoint", "bash", "clickhouse", "-c", SHOWN)
    variables, _, xml = project.compose(*options).partition("<!--")
    users = {user.tag: user for user in ElementTree.fromstring(f"<!--{xml}").findall("users/*")}  # nosec B314
    settings = project.settings
    assert set(users) == {settings.user(CLICKHOUSE_LOADER), settings.user(CLICKHOUSE_READER)}
    for name, password in (
        (settings.user(CLICKHOUSE_LOADER), settings.password(CLICKHOUSE_LOADER)),
        (settings.user(CLICKHOUSE_READER), settings.password(CLICKHOUSE_READER)),
    ):
        (given,) = users[name].findall("password_sha256_hex")
        digest = hashlib.sha256(password.encode()).hexdigest()
        assert f"{given.attrib['from_env']}={digest}" in variables.splitlines()
        assert str(password) not in variables + xml
    grants = {name: [one.text for one in user.findall("grants/query")] for name, user in users.items()}
    assert grants[settings.user(CLICKHOUSE_READER)] == ["GRANT SELECT ON sales.*"]


def test_a_known_password_does_not_open_clickhouse(project: Project) -> None:
    known = {name: read_file(ROOT / ".env")[name] for name in ("CLICKHOUSE_PASSWORD", "CLICKHOUSE_READER_PASSWORD")}
    for is_loader in (True, False):
        with pytest.raises(ClickhouseError, match="Authentication failed"):
            clickhouse.connect(Settings({**project.settings.values, **known}), is_loader)


@pytest.mark.slow(reason="Airflow runs the six steps again on the cluster of containers")
def test_a_second_run_works_where_the_first_one_left_its_files(project: Project, airflow: Airflow) -> None:
    run = airflow.trigger(SALES)
    wait_for(lambda: airflow.runs(SALES)[0]["state"] in ("success", "failed"), 300)
    assert airflow.runs(SALES)[0]["state"] == "success", airflow.why(SALES, run)
