"""A temporary database of the shop's tables on the configured server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from psycopg2 import sql

from generators.fill import KEYS
from init_db.run import init_postgres
from storeline.settings import Settings
from storeline.stores import postgres


@contextmanager
def database(settings: Settings, name: str) -> Iterator[Settings]:
    """Create the database, replacing one that a killed run left; yield how to reach it. Raises PostgresError."""
    own = Settings({**settings.values, "POSTGRES_DB": name})
    quoted = sql.Identifier(name)
    drop, create = sql.SQL("drop database if exists {} with (force)"), sql.SQL("create database {}")
    _execute(settings, drop.format(quoted), create.format(quoted))
    try:
        init_postgres(own)
        yield own
    finally:
        _execute(settings, drop.format(quoted))


def _execute(settings: Settings, *statements: sql.Composable) -> None:
    """Execute statements over a separate connection: the server may be killed between the first and the last."""
    with closing(postgres.owner(settings).connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def empty(settings: Settings, then: str = "select") -> None:
    """Empty the shop's tables and execute a statement in the same transaction. Raises PostgresError."""
    tables = ", ".join(f"source.{table}" for table in KEYS)
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"truncate {tables} restart identity; {then}")
