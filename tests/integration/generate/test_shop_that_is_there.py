"""A shop that is not empty is refused, kept, extended or replaced, as the caller chooses."""

from contextlib import closing

import pytest
from psycopg2.extensions import connection as Connection

from generators import shop
from generators.fill import Mode
from storeline.errors import StorelineError
from storeline.settings import Settings
from storeline.stores import postgres
from tests.integration.generate.shop_in_postgres import ask, command, counts, next_ids_are_free

pytestmark = pytest.mark.integration


def test_a_shop_that_is_not_empty_is_refused(own: Settings, owner: Connection) -> None:
    ask(owner, "insert into source.product_categories (name) values ('Somebody else made this')")

    with pytest.raises(StorelineError, match=r"not empty \(product_categories\).*--append, --replace or --if-empty"):
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
