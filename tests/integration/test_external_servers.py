"""A user's own servers, configured differently from ours: their data arrives, or one line says what is in the way."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from psycopg2 import sql
from pyspark.sql import SparkSession

import native.mysql
from init_db.run import init_postgres
from native.stack import Stack
from spark_jobs import replicate as job
from storeline.accounts import POSTGRES_READER
from storeline.errors import StorelineError
from storeline.marts.contract import load as load_marts
from storeline.settings import Settings
from storeline.stores import mysql, mysql_locks, postgres
from storeline.tables import Table
from tests.integration.jobs import build_here, copy_here
from tests.marts.comparison import differences
from tests.stacks import with_free_ports

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("databases")]
Ask = Callable[..., list[tuple[Any, ...]]]
Copy = Callable[..., None]


@pytest.fixture
def copy(settings: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copy]:
    """Return a function that copies the named tables in this process; at the end the replica has none of them."""

    def run(*tables: str, **values: str) -> None:
        monkeypatch.setattr(job, "TABLES", tuple(Table(name) for name in tables))
        copy_here(Settings({**settings.values, **values}), spark)

    yield run
    monkeypatch.undo()


@pytest.fixture
def other_database(settings: Settings) -> Iterator[Callable[[str], Settings]]:
    """Return a function that creates an empty shop in a database with another encoding."""
    made: list[str] = []

    def make(encoding: str) -> Settings:
        name = f"shop_{encoding.lower()}"
        with closing(postgres.owner(settings).connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            statement = "create database {} encoding {} locale_provider libc locale 'C' template template0"
            cursor.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Literal(encoding)))
        made.append(name)
        other = Settings({**settings.values, "POSTGRES_DB": name})
        init_postgres(other)
        return other

    yield make
    with closing(postgres.owner(settings, "postgres").connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for name in made:
            cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def asked(settings: Settings, *statements: str) -> list[tuple[Any, ...]]:
    """Execute statements as PostgreSQL's owner; return the rows of the last one."""
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


@contextmanager
def table(settings: Settings, name: str, columns: str, *statements: str) -> Iterator[None]:
    """Create a table in the source for the duration of a test."""
    asked(settings, f"create table source.{name} ({columns})", *statements)
    try:
        yield
    finally:
        asked(settings, f"drop table source.{name}")


def test_a_database_whose_encoding_is_not_utf_8_is_copied(
    copy: Copy, other_database: Callable[[str], Settings], ask_target: Ask
) -> None:
    other = other_database("LATIN1")
    asked(other, "insert into source.product_categories (name) values ('Café Münster'), ('¡Óle!')")
    assert asked(other, "select octet_length(name) from source.product_categories order by 1") == [(5,), (12,)]
    copy("product_categories", POSTGRES_DB=other.postgres_db)
    assert set(ask_target("select name from replica.product_categories")) == {("Café Münster",), ("¡Óle!",)}


def test_a_database_that_does_not_know_its_encoding_is_refused_in_one_line(
    copy: Copy, other_database: Callable[[str], Settings]
) -> None:
    other = other_database("SQL_ASCII")
    with pytest.raises(postgres.PostgresError, match="shop_sql_ascii has the encoding SQL_ASCII"):
        copy("product_categories", POSTGRES_DB=other.postgres_db)


def test_a_null_from_before_a_constraint_that_was_not_validated_arrives(
    copy: Copy, settings: Settings, ask_target: Ask
) -> None:
    filled = "insert into source.unproven values (1, null), (2, 'told')"
    constraint = "alter table source.unproven add constraint told not null said not valid"
    with table(settings, "unproven", "id bigint primary key, said text", filled, constraint):
        copy("unproven")
        assert ask_target("select * from replica.unproven order by id") == [(1, None), (2, "told")]


def test_a_row_that_is_wider_than_mysql_allows_keeps_its_texts(copy: Copy, settings: Settings, ask_target: Ask) -> None:
    names = [f"text_{n}" for n in range(30)]
    columns = "id bigint primary key, code varchar(700) not null unique, "
    columns += ", ".join(f"{name} varchar({700 if n else 768})" for n, name in enumerate(names))
    filled = (
        f"insert into source.wide (id, code, {', '.join(names)}) values (1, 'c'{', repeat(chr(128512), 700)' * 30})"
    )
    with table(settings, "wide", columns, filled):
        copy("wide")
        assert ask_target(f"select code, {', '.join(names)} from replica.wide") == [("c", *["😀" * 700] * 30)]
        kept = "select data_type from information_schema.columns where table_schema = 'replica' and column_name = %s"
        assert ask_target(kept, ("code",)) == [("varchar",)]
        assert ask_target(kept, ("text_0",)) == [("longtext",)]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (
            ", ".join(f"key_{n} varchar(700) unique" for n in range(30)),
            "source.wide: its rows are longer than MySQL's 65535 bytes",
        ),
        (", ".join(f"text_{n} text" for n in range(250)), "source.wide: MySQL cannot hold this table: .*Row size"),
    ],
    ids=["in indexes alone", "250 texts"],
)
def test_a_table_that_mysql_cannot_hold_is_one_line_and_the_replica_stays(
    copy: Copy, settings: Settings, ask_target: Ask, columns: str, line: str
) -> None:
    before = ask_target("select * from ops.bases")
    with table(settings, "wide", f"id bigint primary key, {columns}"), pytest.raises(StorelineError, match=line):
        copy("wide")
    assert ask_target("select * from ops.bases") == before


def test_time_outs_that_a_role_has_do_not_end_a_copy(copy: Copy, settings: Settings, ask_target: Ask) -> None:
    reader = settings.user(POSTGRES_READER)
    names = ("transaction_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
    slow = "id bigint primary key, said text"
    asked(settings, *(f"alter role {reader} set {name} = '100ms'" for name in names))
    try:
        with table(settings, "slow", slow, "insert into source.slow select n, 'x' from generate_series(1, 20000) n"):
            copy("slow")
            assert ask_target("select count(*) from replica.slow") == [(20000,)]
        with closing(postgres.endless(postgres.reader(settings))) as connection, connection.cursor() as cursor:
            cursor.execute("select name from pg_settings where name = any(%s) and setting <> '0'", (list(names),))
            assert cursor.fetchall() == []
    finally:
        asked(settings, *(f"alter role {reader} reset {name}" for name in names))


def test_a_connection_that_idles_under_a_lock_outlives_the_wait_timeout(settings: Settings, target: Any) -> None:
    (before,) = mysql.ask(target, "select @@global.wait_timeout")[0]
    mysql.do(target, "set global wait_timeout = 1")
    try:
        with closing(mysql.replicator(settings).connect()) as holder:
            mysql_locks.hold(holder, "storeline.test", 1)
            mysql.do(target, "do sleep(2.5)")
            assert mysql_locks.holder(target, "storeline.test") == holder.connection_id
    finally:
        mysql.do(target, f"set global wait_timeout = {before}")


@pytest.fixture
def folding(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Return a stack whose MySQL writes every name in lower case, which must be set before its first start."""
    folder = tmp_path_factory.mktemp("folding")
    options = folder / "folding.cnf"
    options.write_text(f"!include {native.mysql.OPTIONS}\n[mysqld]\nlower_case_table_names = 1\n")
    monkeypatch.setattr(native.mysql, "OPTIONS", options)
    with Stack(folder, with_free_ports(), ("postgres", "mysql")) as stack:
        yield stack


@pytest.mark.slow(reason="it is set when the data folder is made: a MySQL of its own, and a PostgreSQL with it")
def test_a_server_that_writes_names_small_copies_and_builds_twice(
    folding: Stack, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = folding.settings
    folding.run("generators.shop", "--replace", "--scale", "0.1")
    asked(settings, 'create table source."Mixed" (id bigint primary key)', 'insert into source."Mixed" values (7)')
    monkeypatch.setattr(job, "TABLES", (*job.TABLES, Table("Mixed")))
    # Two whose names have capitals, and a view with the table that it reads.
    names = ("UserOrders", "ProductSales", "mart_user_activity", "user_activity")
    marts = tuple(mart for mart in load_marts() if mart.name in names)
    for _ in range(2):
        copy_here(settings, spark)
        build_here(settings, spark, marts)
        assert differences(settings, marts) == []
        with closing(mysql.analyst(settings).connect()) as target:
            assert mysql.ask(target, "select @@lower_case_table_names, id from replica.Mixed") == [(1, 7)]
