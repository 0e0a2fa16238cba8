"""What the stream's role in PostgreSQL may not do."""

from contextlib import closing

import psycopg2
import pytest

from storeline.settings import Settings
from storeline.stores import postgres

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from source.users",
        "select points from source.loyalty_points",
        "update source.order_details set quantity = 1",
        "update source.users set email = 'x'",
        "delete from ops.events",
        "delete from ops.dead_letters",
        "create table source.mine (one int)",
    ],
)
def test_the_streams_role_may_do_its_own_work_and_no_more(settings: Settings, statement: str) -> None:
    with (
        closing(postgres.stream(settings).connect()) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)
