"""The shop in a real PostgreSQL: what is loaded, when a run is refused, and what is left when one is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from time import monotonic, sleep
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from bench.scratch import database
from generators import shop
from generators.fill import KEYS, Mode
from generators.plan import ShopError, plan_of
from init_db.run import init_postgres
from storeline import postgres
from storeline.settings import ROOT, Settings
from tests.shop import tables

pytestmark = pytest.mark.integration

STRUCTURE = """
    select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attidentity::text
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'source'::regnamespace and c.relkind = 'r' and a.attnum > 0
    union all
    select conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid), convalidated::text
    from pg_constraint where connamespace = 'source'::regnamespace
    union all
    select tablename, indexname, indexdef, '', '' from pg_indexes where schemaname = 'source'
    union all
    select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled::text, ''
    from pg_trigger where not tgisinternal
    union all
    select relname, relacl::text, '', '', '' from pg_class where relnamespace::regnamespace::text in ('source', 'ops')
    order by 1, 2, 3
"""

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


@pytest.fixture(scope="module")
def own_database(postgres_settings: Settings) -> Iterator[Settings]:
    with database(postgres_settings, "generate_tests") as found:
        yield Settings({**found.values, "SHOP_UNTIL": "2026-11-22T00:00:00Z", "SHOP_SCALE": "1"})


@pytest.fixture
def own(own_database: Settings) -> Settings:
    """The default shop, its tables empty."""
    with closing(postgres.owner(own_database).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(f'source.{table}' for table in KEYS)} restart identity")
    return own_database


@pytest.fixture
def owner(own: Settings) -> Iterator[Connection]:
    with closing(postgres.owner(own).connect()) as connection:
        connection.autocommit = True
        yield connection


def ask(connection: Connection, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def counts(connection: Connection) -> dict[str, int]:
    return {table: ask(connection, f"select count(*) from source.{table}")[0][0] for table in KEYS}


def command(own: Settings, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "generators.shop", *arguments],
        cwd=ROOT,
        env=os.environ | dict(own.values),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def next_ids_are_free(connection: Connection) -> bool:
    """Insert a row into each table without saying its id."""
    for statement in (
        "insert into source.users (first_name, last_name, email, registration_date) values ('A', 'B', 'a@b', now())",
        "insert into source.product_categories (name) values ('C')",
        """insert into source.products (name, category_id, price, stock_quantity, creation_date)
           select 'P', max(category_id), 1, 1, now() from source.product_categories""",
        """insert into source.orders (user_id, order_date, total_amount, status)
           select max(user_id), now(), 1, 'Paid' from source.users""",
        """insert into source.order_details (order_id, line_number, product_id, quantity, price_per_unit, total_price)
           select max(order_id), 1, (select max(product_id) from source.products), 1, 1, 1 from source.orders""",
        """insert into source.reviews (user_id, product_id, rating, created_at)
           select max(user_id), (select max(product_id) from source.products), 5, now() from source.users""",
        """insert into source.loyalty_points (user_id, points, reason, created_at)
           select max(user_id), 1, 'Order', now() from source.users""",
    ):
        ask(connection, statement)
    return True


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


def test_a_shop_that_is_not_empty_is_refused(own: Settings, owner: Connection) -> None:
    ask(owner, "insert into source.product_categories (name) values ('Somebody else made this')")

    with pytest.raises(ShopError, match=r"not empty \(product_categories\).*--append, --replace or --if-empty"):
        shop.generate(own)
    assert sum(counts(owner).values()) == 1


def test_if_empty_fills_an_empty_shop_and_leaves_another_alone(own: Settings, owner: Connection) -> None:
    first = command(own, "--if-empty")
    assert (first.communicate()[1], first.returncode) == ("", 0)
    before = ask(owner, "select xmin::text, * from source.orders order by order_id")
    second = command(own, "--if-empty")

    assert (second.communicate(), second.returncode) == (("shop: not empty, left alone\n", ""), 0)
    assert ask(owner, "select xmin::text, * from source.orders order by order_id") == before


def test_append_continues_ids_and_keeps_what_is_there(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    before = ask(owner, "select xmin::text, * from source.users order by user_id")
    ask(owner, "delete from source.loyalty_points where loyalty_id = 3000")
    shop.generate(own, Mode.APPEND)

    assert ask(owner, "select xmin::text, * from source.users where user_id <= 500 order by user_id") == before
    assert {table: n for table, n in counts(owner).items() if table != "order_details"} == {
        "users": 1000,
        "product_categories": 20,
        "products": 1600,
        "orders": 6000,
        "reviews": 4000,
        "loyalty_points": 5999,
    }
    assert ask(owner, "select max(order_id) from source.orders") == [(6000,)]
    assert ask(owner, "select min(loyalty_id) from source.loyalty_points where loyalty_id > 2999") == [(3001,)]
    assert next_ids_are_free(owner)


def test_append_fills_categories_that_somebody_else_made(own: Settings, owner: Connection) -> None:
    ask(owner, "insert into source.product_categories (name) values ('Wands'), ('Brooms')")
    shop.generate(own, Mode.APPEND)

    assert ask(owner, "select distinct category_id from source.products order by 1") == [(1,), (2,)]


def test_replace_gives_the_same_rows_again(own: Settings, owner: Connection) -> None:
    query = "select order_id, user_id, order_date, total_amount, status from source.orders order by order_id"
    shop.generate(own)
    before = ask(owner, query)
    shop.generate(own, Mode.APPEND)
    shop.generate(own, Mode.REPLACE)

    assert ask(owner, query) == before
    assert next_ids_are_free(owner)


def test_replace_never_takes_a_sequence_back(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    shop.generate(Settings({**own.values, "SHOP_SCALE": "0.1"}), Mode.REPLACE)

    assert counts(owner)["orders"] == 300
    assert ask(owner, "select nextval('source.orders_order_id_seq')") == [(3001,)]


def test_a_reader_with_an_older_snapshot_sees_the_whole_old_shop(own: Settings, owner: Connection) -> None:
    shop.generate(own)
    before = counts(owner)
    with closing(postgres.reader(own).connect()) as reader:
        reader.set_session(isolation_level="REPEATABLE READ")
        ask(reader, "select 1")
        smaller = Settings({**own.values, "SHOP_SCALE": "0.5"})
        shop.generate(smaller, Mode.REPLACE)

        assert counts(reader) == before
    assert counts(owner)["orders"] == 1500


@pytest.mark.parametrize("argument", ["--if-empty", "--replace", "--append"])
def test_a_killed_run_leaves_the_shop_as_it_was(own: Settings, owner: Connection, argument: str) -> None:
    structure = ask(owner, STRUCTURE)
    if argument == "--append":
        shop.generate(own)
    before = counts(owner)
    run = command(own, argument, "--scale", "40")
    try:
        deadline = monotonic() + 60
        while not ask(owner, "select 1 from pg_stat_activity where query like 'copy source.order_details%'"):
            assert run.poll() is None, run.communicate()
            assert monotonic() < deadline
            sleep(0.01)
        run.send_signal(signal.SIGKILL)
    finally:
        run.kill()
        run.communicate()

    assert counts(owner) == before
    assert ask(owner, STRUCTURE) == structure
    assert next_ids_are_free(owner)


def test_of_two_runs_at_once_one_is_refused(own: Settings, owner: Connection) -> None:
    runs = [command(own) for _ in range(2)]
    ends = sorted((run.communicate()[1], run.returncode) for run in runs)

    assert [code for _, code in ends] == [0, 1]
    assert ends[1][0].startswith("shop: the shop is not empty")
    assert counts(owner)["orders"] == 3000


@pytest.mark.parametrize(
    ("changes", "arguments", "line"),
    [
        ({"POSTGRES_PORT": "1"}, [], "shop: PostgreSQL at "),
        ({}, ["--scale", "0"], "shop: SHOP_SCALE is '0': expected a number from 0.1 to 1000"),
        ({"SHOP_ORDERS": "0"}, [], "shop: SHOP_ORDERS gives no order"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    own: Settings, changes: dict[str, str], arguments: list[str], line: str
) -> None:
    run = command(Settings({**own.values, **changes}), *arguments)
    printed = run.communicate()[1]

    assert run.returncode == 1
    assert printed.startswith(line)
    assert printed.count("\n") == 1


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
