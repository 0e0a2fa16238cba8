"""The shop's tables enforce their own rules, whoever writes; and each role can do its work and nothing else."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import connection as Connection

from bench.scratch import database, empty
from generators.fill import KEYS
from storeline.settings import Settings
from storeline.stores import postgres

pytestmark = pytest.mark.integration

ROWS = """
    insert into source.users (first_name, last_name, email, registration_date)
        values ('Ada', 'Lovelace', 'ada@example.com', '2025-01-01');
    insert into source.product_categories (name) values ('Books');
    insert into source.products (name, category_id, price, stock_quantity, creation_date)
        values ('Atlas', 1, 18.50, 3, '2025-01-01');
    insert into source.orders (user_id, order_date, total_amount, status)
        values (1, '2025-02-01', 37, 'Paid');
    insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
        values (1, 1, 1, 2, 18.50, 37);
"""
REFUSED = {
    "users_loyalty_status_is_known": "update source.users set loyalty_status = 'gold'",
    "users_email_is_unique": """insert into source.users (first_name, last_name, email, registration_date)
        values ('Ada', 'King', 'ada@example.com', now())""",
    "product_categories_is_not_its_own_parent": "update source.product_categories set parent_category_id = 1",
    "products_price_is_not_negative": "update source.products set price = -0.01",
    "products_stock_quantity_is_not_negative": "update source.products set stock_quantity = -1",
    "orders_status_is_known": "update source.orders set status = 'Lost'",
    "orders_total_amount_is_not_negative": "update source.orders set total_amount = -1",
    "orders_is_delivered_exactly_when_completed": "update source.orders set status = 'Completed'",
    "orders_is_delivered_after_the_order": """update source.orders
        set status = 'Completed', delivery_date = order_date - interval '1 microsecond'""",
    "orders_web_order_has_a_version": "update source.orders set web_order_version = 1",
    "orders_web_order_version_starts_at_one": """update source.orders
        set web_order_version = 0, web_order_id = gen_random_uuid()""",
    "order_details_line_number_is_unique": """insert into source.order_details
        (order_id, line_number, product_id, quantity, price_per_unit, total_price) values (1, 1, 1, 1, 1, 1)""",
    "order_details_line_number_starts_at_one": "update source.order_details set line_number = 0",
    "order_details_quantity_is_positive": "update source.order_details set quantity = 0, total_price = 0",
    "order_details_total_is_quantity_times_price": "update source.order_details set total_price = 37.01",
    "order_details_product_id_fkey": "update source.order_details set product_id = 2",
    "orders_user_id_fkey": "delete from source.users",
    "reviews_rating_is_one_to_five": """insert into source.reviews (user_id, product_id, rating, created_at)
        values (1, 1, 6, now())""",
    "loyalty_points_reason_is_known": """insert into source.loyalty_points (user_id, points, reason, created_at)
        values (1, 1, 'Gift', now())""",
    "loyalty_points_is_negative_exactly_for_refund": """insert into source.loyalty_points
        (user_id, points, reason, created_at) values (1, 1, 'Refund', now())""",
}
DDL = {
    "make a table": "create table source.mine (id int)",
    "make a table in public": "create table public.mine (id int)",
    "add a column": "alter table source.users add column mine int",
    "drop a table": "drop table source.reviews",
    "drop an index": "drop index source.orders_user_id_idx",
    "drop a key": "alter table source.orders drop constraint orders_user_id_fkey",
    "switch a trigger off": "alter table source.users disable trigger user",
    "empty a table by TRUNCATE": "truncate source.reviews",
    "have a statement run by the owner": "insert into ops.bulk_load_rebuilds (statement) values ('drop schema source')",
    "change its function": "create or replace function source.touch_updated_at() returns trigger language sql as ''",
    "make a schema": "create schema mine",
    "make a role": "create role mine",
    "see Airflow's secrets in pg_authid": "select * from pg_authid",
}
WRITES = {
    "insert": "insert into source.product_categories (name) values ('Mine')",
    "update": "update source.users set first_name = 'Mine'",
    "delete": "delete from source.order_details",
    "move a sequence": "select nextval('source.users_user_id_seq')",
    "lock out writers": "lock table source.users in share mode",
    "begin a load": "select ops.begin_bulk_load(true)",
}


@pytest.fixture(scope="module")
def own_database(postgres_settings: Settings) -> Iterator[Settings]:
    with database(postgres_settings, "shop_table_tests") as found:
        yield found


@pytest.fixture
def own(own_database: Settings) -> Settings:
    """A shop of one order."""
    empty(own_database, ROWS)
    return own_database


@pytest.fixture
def generator(own: Settings) -> Iterator[Connection]:
    with closing(postgres.generator(own).connect()) as connection:
        yield connection


@pytest.fixture
def reader(own: Settings) -> Iterator[Connection]:
    with closing(postgres.reader(own).connect()) as connection:
        yield connection


def do(connection: Connection, statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("constraint", REFUSED)
def test_a_row_that_breaks_a_rule_is_refused_by_its_name(generator: Connection, constraint: str) -> None:
    with pytest.raises(psycopg2.IntegrityError) as refused:
        do(generator, REFUSED[constraint])

    assert refused.value.diag.constraint_name == constraint


def test_every_check_has_a_test(generator: Connection) -> None:
    checks = do(
        generator, "select conname from pg_constraint where contype = 'c' and connamespace = 'source'::regnamespace"
    )

    assert {name for (name,) in checks} - set(REFUSED) == {"order_details_price_per_unit_is_not_negative"}


@pytest.mark.parametrize("table", [table for table in KEYS if table not in ("reviews", "loyalty_points")])
def test_updated_at_moves_only_when_something_changed(generator: Connection, table: str) -> None:
    changing = {"users": "phone = '1'", "product_categories": "name = 'B'", "products": "price = 1"}
    change = changing.get(table, {"orders": "total_amount = 1"}.get(table, "quantity = 1, total_price = 18.50"))
    column = change.split(" ")[0]
    read = f"select updated_at, updated_at = now() from source.{table}"
    before = do(generator, read)
    do(generator, f"update source.{table} set {column} = {column}")
    same = do(generator, read)
    do(generator, f"update source.{table} set {change}")

    assert same == before
    assert before[0][1] is False
    assert do(generator, read)[0][1] is True


def test_every_table_keeps_updated_at_by_a_trigger(reader: Connection) -> None:
    triggers = do(reader, "select tgrelid::regclass::text from pg_trigger where tgname = 'touch_updated_at'")

    assert sorted(triggers) == sorted((f"source.{table}",) for table in KEYS)


def test_every_foreign_key_has_an_index_on_its_own_side(reader: Connection) -> None:
    without = do(
        reader,
        """select conname from pg_constraint c where contype = 'f' and connamespace = 'source'::regnamespace
           and not exists (select from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])""",
    )

    assert without == []


@pytest.mark.parametrize("what", DDL)
def test_the_generator_cannot(generator: Connection, what: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        do(generator, DDL[what])


@pytest.mark.parametrize("what", DDL | WRITES)
def test_the_reader_cannot(reader: Connection, what: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        do(reader, (DDL | WRITES)[what])


def test_the_reader_reads_every_table_also_one_that_comes_later(own: Settings, reader: Connection) -> None:
    with closing(postgres.owner(own).connect()) as owner:
        owner.autocommit = True
        do(owner, "create table source.later (id int primary key)")
        try:
            assert do(reader, "select * from source.later") == []
            reader.rollback()
        finally:
            do(owner, "drop table source.later")

    assert all(do(reader, f"select count(*) >= 0 from source.{table}") == [(True,)] for table in KEYS)


def test_a_bulk_load_is_for_an_empty_shop_unless_it_replaces(generator: Connection) -> None:
    with pytest.raises(errors.RaiseException, match=r"only an empty shop is loaded in bulk: source\.users has rows"):
        do(generator, "select ops.begin_bulk_load(false)")


def test_a_bulk_load_that_is_not_ended_gives_every_key_back(generator: Connection) -> None:
    keys = "select conname, pg_get_constraintdef(oid) from pg_constraint order by 1, 2"
    before = do(generator, keys)
    do(generator, "select ops.begin_bulk_load(true)")
    during = do(generator, keys)
    generator.commit()

    assert len(during) < len(before)
    assert do(generator, keys) == before


def test_a_bulk_load_cannot_bring_in_a_row_that_breaks_a_key(generator: Connection) -> None:
    do(generator, "select ops.begin_bulk_load(true)")
    do(generator, "insert into source.orders (user_id, order_date, total_amount, status) values (7, now(), 1, 'Paid')")
    with pytest.raises(errors.ForeignKeyViolation):
        generator.commit()
    generator.rollback()

    assert do(generator, "select user_id from source.orders") == [(1,)]
