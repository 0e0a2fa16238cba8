"""A load writes exactly what was generated, and leaves the tables' structure unchanged."""

from contextlib import closing

import pytest
from psycopg2.extensions import connection as Connection

from generators import shop
from generators.fill import KEYS, Mode
from generators.plan import plan_of
from init_db.run import init_postgres
from storeline.settings import Settings
from storeline.stores import postgres
from tests.integration.generate.shop_in_postgres import STRUCTURE, ask, next_ids_are_free
from tests.shop import tables

pytestmark = pytest.mark.integration

BROKEN = {
    "an order costs something else than its lines": """
        select o.order_id from source.orders o join source.order_details d using (order_id)
        group by o.order_id having o.total_amount <> sum(d.total_price)""",
    "an order has no line": "select order_id from source.orders except select order_id from source.order_details",
    "lines are not numbered from one": """
        select order_id from source.order_details group by order_id
        having (min(line_number), max(line_number)) <> (1, count(*)::int) or count(*) > 10""",
    "somebody ordered before registering": """
        select order_id from source.orders join source.users using (user_id) where order_date < registration_date""",
    "something was ordered before it was on sale": """
        select order_detail_id from source.order_details join source.orders using (order_id)
        join source.products using (product_id) where order_date < creation_date""",
    "somebody reviewed what they never bought": """
        select review_id from source.reviews r where not exists (
            select from source.orders join source.order_details using (order_id)
            where user_id = r.user_id and product_id = r.product_id and order_date <= r.created_at)""",
    "an order lies outside the history": """
        select order_id from source.orders
        where order_date >= %(until)s or order_date < %(until)s - interval '365 days' or delivery_date > %(until)s""",
    "something else lies after the history": """
        select 1 from source.users where registration_date > %(until)s
        union all select 1 from source.products where creation_date > %(until)s
        union all select 1 from source.reviews where created_at > %(until)s
        union all select 1 from source.loyalty_points where created_at > %(until)s""",
    "an order came as an event": """
        select order_id from source.orders where web_order_id is not null or web_order_version is not null""",
}


def test_what_is_loaded_is_what_was_made(own: Settings, owner: Connection) -> None:
    shop.generate(own)

    for table, rows in tables(shop.blocks(plan_of(own))).items():
        names = ", ".join(rows[0])
        found = ask(owner, f"select {names} from source.{table} order by {KEYS[table]}")
        assert [dict(zip(rows[0], row, strict=True)) for row in found] == rows
    assert next_ids_are_free(owner)


def test_the_loaded_shop_keeps_every_rule(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    shop.generate(own, Mode.APPEND)

    broken = [rule for rule, query in BROKEN.items() if ask(owner, query, {"until": own.shop_until})]
    assert broken == []


def test_a_load_leaves_keys_indexes_and_rights_as_they_were(own: Settings, owner: Connection) -> None:
    before = ask(owner, STRUCTURE)
    shop.generate(own)
    shop.generate(own, Mode.REPLACE)

    assert ask(owner, STRUCTURE) == before
    assert ask(owner, "select count(*) from ops.bulk_load_rebuilds") == [(0,)]


def test_the_planner_knows_the_rows_at_once(own: Settings, owner: Connection) -> None:
    shop.generate(own)

    assert ask(owner, "select reltuples from pg_class where oid = 'source.orders'::regclass") == [(3000,)]


def test_a_second_start_changes_nothing(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    rows = ask(owner, "select xmin::text, * from source.users order by user_id")
    files = "select oid, relfilenode from pg_class where relnamespace = 'source'::regnamespace order by oid"
    before = ask(owner, STRUCTURE), ask(owner, files)
    init_postgres(own)

    assert (ask(owner, STRUCTURE), ask(owner, files)) == before
    assert ask(owner, "select xmin::text, * from source.users order by user_id") == rows


def test_a_second_start_does_not_wait_for_a_writer(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    ask(owner, "alter database generate_tests set lock_timeout = '1s'")
    try:
        with closing(postgres.generator(own).connect()) as writer:
            for table in KEYS:
                ask(writer, f"update source.{table} set updated_at = now()")
            init_postgres(own)
    finally:
        ask(owner, "alter database generate_tests reset lock_timeout")
