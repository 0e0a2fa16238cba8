"""A database of the shop's tables beside the one that the settings name, dropped in the end."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from psycopg2 import sql

from generators.fill import KEYS
from init_db.run import init_postgres
from storeline.settings import Settings
from storeline.stores import postgres


@contextmanager
def database(settings: Settings, name: str) -> Iterator[Settings]:
    """Make the database, anew where a killed run has left one; yield how to reach it. Raises PostgresError."""
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
    """Execute statements by a connection of their own: between the first and the last the server may be killed."""
    with closing(postgres.owner(settings).connect()) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def empty(settings: Settings, then: str = "select") -> None:
    """Empty the shop's tables and, in the same transaction, execute a statement. Raises PostgresError."""
    tables = ", ".join(f"source.{table}" for table in KEYS)
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"truncate {tables} restart identity; {then}")
