"""The generator's own database, with the default shop's tables, empty before each test."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg2.extensions import connection as Connection

from bench.scratch import database, empty
from storeline.settings import Settings
from storeline.stores import postgres


@pytest.fixture(scope="session")
def own_database(postgres_settings: Settings) -> Iterator[Settings]:
    with database(postgres_settings, "generate_tests") as found:
        yield Settings({**found.values, "SHOP_UNTIL": "2026-11-22T00:00:00Z", "SHOP_SCALE": "1"})


@pytest.fixture
def own(own_database: Settings) -> Settings:
    """The default shop with empty tables."""
    empty(own_database)
    return own_database


@pytest.fixture
def owner(own: Settings) -> Iterator[Connection]:
    with closing(postgres.owner(own).connect()) as connection:
        connection.autocommit = True
        yield connection
