"""What the start says where a server does not take it, or could not work."""

from collections.abc import Iterator

import pytest

from init_db.run import init_mysql, init_postgres
from storeline import mysql, postgres
from storeline.settings import Settings
from tests.integration.events import Ask

pytestmark = pytest.mark.integration

KEPT = (
    "; the server keeps the password of its first start: give that one as {}, or delete its data (in containers "
    "`docker compose down -v`, natively `make reset`)"
)


@pytest.fixture
def without_local_infile(ask_target: Ask) -> Iterator[None]:
    """Run the server as one that has passed over its file of options."""
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
