"""What the living shop's role in PostgreSQL may not do."""

from contextlib import closing

import psycopg2
import pytest

from storeline.accounts import POSTGRES_LIVE_SHOP
from storeline.settings import Settings
from storeline.stores import postgres

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]


@pytest.mark.parametrize(
    "statement",
    [
        "select phone from source.users",
        "update source.users set loyalty_status = 'Platinum'",
        "delete from source.products",
        "insert into source.products (name, category_id, price, stock_quantity) values ('x', 1, 1, 1)",
        "select from source.product_categories",
        "update source.orders set total_amount = 1",
        "update source.order_details set quantity = 1",
        "update source.loyalty_points set points = 1",
        "delete from source.loyalty_points",
        "truncate source.reviews",
        "select setval('source.users_user_id_seq', 1)",
        "select ops.begin_bulk_load(true)",
        "select from ops.events",
        "select from sales.sales",
        "create table source.mine (one int)",
        "create temporary table mine (one int)",
    ],
)
def test_the_living_shops_role_may_do_its_own_work_and_no_more(settings: Settings, statement: str) -> None:
    with (
        closing(postgres.login(settings, POSTGRES_LIVE_SHOP).connect()) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)
