"""A connection to MySQL on this machine is encrypted where the server demands it, one to another machine always."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_jobs import jdbc
from storeline.accounts import MYSQL_MART_BUILDER
from storeline.settings import Settings
from storeline.stores import mysql

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("databases")]
TYPE = "select connection_type from performance_schema.threads where processlist_id = connection_id()"
PLAIN, ENCRYPTED = "TCP/IP", "SSL/TLS"
ELSEWHERE = "127.1"  # leads to this machine, but is not one of the addresses that say so


def ours(settings: Settings) -> str:
    """Return the kind of a connection as the mart builder."""
    with closing(mysql.mart_builder(settings).connect()) as connection:
        return str(mysql.ask(connection, TYPE)[0][0])


def of_spark(settings: Settings, spark: SparkSession) -> str:
    """Return the kind of a connection of Spark's JDBC driver as the mart builder."""
    options = jdbc._options(settings, "replica") | {"query": TYPE}
    return str(spark.read.format("jdbc").options(**options).load().collect()[0][0])


@pytest.fixture(params=["of everybody", "of the account"])
def demanding(request: pytest.FixtureRequest, settings: Settings, target: Any) -> Iterator[None]:
    """Have the server demand encryption."""
    account = f"{mysql.literal(settings.user(MYSQL_MART_BUILDER))}@'%'"
    demand, end = {
        "of everybody": ("set global require_secure_transport = on", "set global require_secure_transport = off"),
        "of the account": (f"alter user {account} require ssl", f"alter user {account} require none"),
    }[request.param]
    mysql.do(target, demand)
    yield
    mysql.do(target, end)


def test_on_this_machine_only_the_first_login_of_an_account_is_encrypted(
    settings: Settings, spark: SparkSession, target: Any
) -> None:
    mysql.do(target, "flush privileges")  # empties the server's cache of logins
    assert [ours(settings), ours(settings), of_spark(settings, spark)] == [ENCRYPTED, PLAIN, PLAIN]


def test_what_the_server_demands_is_done(settings: Settings, spark: SparkSession, demanding: None) -> None:
    assert (ours(settings), of_spark(settings, spark)) == (ENCRYPTED, ENCRYPTED)


def test_another_address_is_encrypted_as_the_server_offers_it(settings: Settings, spark: SparkSession) -> None:
    elsewhere = Settings({**settings.values, "MYSQL_HOST": ELSEWHERE})
    assert (ours(elsewhere), of_spark(elsewhere, spark)) == (ENCRYPTED, ENCRYPTED)


def test_a_wrong_password_is_one_line_as_before(settings: Settings) -> None:
    wrong = Settings({**settings.values, MYSQL_MART_BUILDER.password_variable: "wrong"})
    with pytest.raises(mysql.MysqlError, match=r"^MySQL at 127\.0\.0\.1:\d+ as \S+: 1045 .*Access denied"):
        mysql.mart_builder(wrong).connect()
