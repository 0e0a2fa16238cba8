"""What the start reports when a server refuses it, or could not work."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from init_db import run
from init_db.run import init_mysql, init_postgres
from storeline.events.landing import Landing
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from tests.integration.batches import Batches
from tests.integration.events import ADA, Ask, order, registration

pytestmark = pytest.mark.integration

KEPT = (
    "; the server keeps the password of its first start: set {} to it, or delete the data (in containers "
    "`docker compose down -v`, natively `make reset`)"
)


@pytest.fixture
def without_local_infile(ask_target: Ask) -> Iterator[None]:
    """Run the server as if it had skipped its option file."""
    ask_target("set global local_infile = off")
    yield
    ask_target("set global local_infile = on")


def test_a_refused_owner_of_postgresql_is_told_about_the_first_password(settings: Settings) -> None:
    wrong = Settings(settings.values | {"POSTGRES_PASSWORD": "another one"})
    with pytest.raises(postgres.PostgresError) as refused:
        init_postgres(wrong)
    assert "password authentication failed" in str(refused.value)
    assert str(refused.value).endswith(KEPT.format("POSTGRES_PASSWORD"))


def test_a_refused_administrator_of_mysql_is_told_about_the_first_password(settings: Settings) -> None:
    wrong = Settings(settings.values | {"MYSQL_ADMIN_PASSWORD": "another one"})
    with pytest.raises(mysql.MysqlError) as refused:
        init_mysql(wrong)
    assert "Access denied" in str(refused.value)
    assert str(refused.value).endswith(KEPT.format("MYSQL_ADMIN_PASSWORD"))


def test_a_mysql_without_local_infile_is_refused(settings: Settings, without_local_infile: None) -> None:
    with pytest.raises(mysql.MysqlError, match="local_infile is off, and the copy needs it: switch it on"):
        init_mysql(settings)


COLUMNS = """select table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'ops' order by 1, 2"""


# What was added to the ledger of events later.
ADDED = (("streams", "caught_up_seconds"), ("parked_events", "waits_from_seconds"))


@pytest.mark.usefixtures("shop")
def test_a_statement_that_mysql_refuses_is_one_line_with_its_file(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mysql").mkdir()
    (tmp_path / "mysql" / "10_first.sql").write_text("do 1;\ncreate table ops.runs (id int);\ndo 1;\n")
    monkeypatch.setattr(run, "FOLDER", tmp_path)
    with pytest.raises(mysql.MysqlError, match=r"^init_db/mysql: 10_first.sql: .*Table 'runs' already exists$"):
        init_mysql(settings)


def test_a_ledger_of_an_earlier_version_gets_what_it_lacks_and_keeps_its_orders(
    settings: Settings, ask_source: Ask
) -> None:
    early = order(ADA)
    with closing(Batches(settings)) as batches:
        batches.land(("orders", early["order_id"].encode(), json.dumps(early).encode(), None))
        batches.landing.close()
        today = sorted(ask_source(COLUMNS))
        for table, column in ADDED:
            ask_source(f"alter table ops.{table} drop column {column}")
        for _ in range(2):
            init_postgres(settings)
            assert sorted(ask_source(COLUMNS)) == today
        batches.landing = Landing(postgres.stream(settings), batches.landing.run_id)
        batches.landing.positions = {("orders", 0): 1, ("users-data", 0): 0}
        assert batches.landing.retry(3600, 5)
        assert batches.outcomes() == ["parked"]
        batches.land(("users-data", ADA.encode(), json.dumps(registration(ADA)).encode(), None))
        assert batches.landing.retry(3600, 5)
        assert batches.outcomes() == ["landed", "landed"]
