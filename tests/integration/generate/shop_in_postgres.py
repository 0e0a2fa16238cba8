"""The tests' queries of the loaded shop, and the generator as a process."""

import os
import subprocess
import sys
from typing import Any

from psycopg2.extensions import connection as Connection

from generators.fill import KEYS
from storeline.settings import ROOT, Settings

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
    """Insert a row without an id into each table."""
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
