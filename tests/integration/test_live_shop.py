"""The living shop works on PostgreSQL, and its books are right at every moment, whatever happens to it."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.scratch import database
from generators.invariants import BALANCES, RULES, moved
from generators.live.actions import ACTIONS
from generators.shop import generate
from native.stack import Stack
from native.supervision import supervisor_of
from storeline.settings import Settings
from storeline.stores import postgres
from tests.integration.living import OWN, Books, Living, ask, books, check, count, counts, has_sessions, holds, until

pytestmark = pytest.mark.integration
DROP = "alter table source.{} drop constraint {};"
# What breaks each rule; the constraints that PostgreSQL has and the replica has not are dropped first.
BREAKS = {
    "an order's total is the sum of its lines": "delete from source.order_details where order_id = 1",
    "a line's total is its quantity × its price": DROP.format(
        "order_details", "order_details_total_is_quantity_times_price"
    )
    + "update source.order_details set total_price = total_price + 1 where order_detail_id = 1",
    "the shop numbers an order's lines from 1": """update source.order_details set line_number = line_number + 1
        where order_detail_id in (select max(order_detail_id) from source.order_details)""",
    "a line belongs to an order and a product": DROP.format("order_details", "order_details_order_id_fkey")
    + "delete from source.orders where order_id = 1",
    "orders, reviews and points belong to a user": DROP.format("loyalty_points", "loyalty_points_user_id_fkey")
    + "update source.loyalty_points set user_id = 0 where loyalty_id = 1",
    "an e-mail belongs to one user": DROP.format("users", "users_email_is_unique")
    + "update source.users set email = 'a@example.com' where user_id < 3",
    "no e-mail stays in the middle of a swap": "update source.users set email = '+1@swap.invalid' where user_id = 1",
    "an order is delivered exactly when it is completed": DROP.format(
        "orders", "orders_is_delivered_exactly_when_completed"
    )
    + "update source.orders set delivery_date = order_date where status = 'Paid'",
    "points are negative exactly for a refund": DROP.format(
        "loyalty_points", "loyalty_points_is_negative_exactly_for_refund"
    )
    + "update source.loyalty_points set points = -1 where reason = 'Review'",
    "no stock is negative": DROP.format("products", "products_stock_quantity_is_not_negative")
    + "update source.products set stock_quantity = -1 where product_id = 1",
    "points": "update source.orders set status = 'Paid' where status = 'Pending' and order_id > 2900",
    "pieces": "update source.products set stock_quantity = stock_quantity + 1 where product_id = 1",
}


@pytest.fixture(scope="module")
def own(settings: Settings) -> Iterator[Settings]:
    """Return a shop of the tests' own: the others compare with one that does not change."""
    with database(Settings({**settings.values, **OWN}), "live_shop_tests") as found:
        generate(found)
        yield found


@pytest.fixture
def before(own: Settings) -> Books:
    return books(own)[1]


@pytest.fixture
def live(databases: Stack, own: Settings, tmp_path: Path) -> Iterator[Callable[..., Living]]:
    """Return a function that starts a living shop."""
    started: list[Living] = []

    def start(**values: str) -> Living:
        changed = Settings({**own.values, **values})
        started.append(Living(databases, changed, tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.mark.parametrize("name", RULES | BALANCES)
def test_each_rule_sees_what_breaks_it(own: Settings, name: str) -> None:
    with closing(postgres.owner(own).connect()) as connection, connection.cursor() as cursor:

        def rows() -> list[tuple[int, int]]:
            cursor.execute((RULES | BALANCES)[name].format(shop="source"))
            return cursor.fetchall()

        before = rows()
        cursor.execute(BREAKS[name])
        after = rows()

    if name in RULES:
        assert (before, bool(after)) == ([], True)
    else:
        assert moved(dict(before), dict(after))


def test_everything_happens_and_the_books_are_right_all_the_time(
    own: Settings, before: Books, live: Callable[..., Living]
) -> None:
    shop, began, rounds, was_held = live(), time.monotonic(), 0, False
    # An order is seldom held open; on a busy machine that takes longer.
    while (seconds := time.monotonic() - began) < 9 or not was_held:
        assert seconds < 120, "no order was held open"
        check(own, before)
        was_held = was_held or holds(own)
        rounds += 1
    said = shop.end()
    check(own, before)

    assert shop.process.returncode == 0
    assert set(counts(said)) >= set(ACTIONS)
    assert rounds > 10
    assert said.count("\n") == 2, said


def test_a_killed_shop_leaves_no_half_order_and_the_next_one_goes_on(
    own: Settings, before: Books, live: Callable[..., Living]
) -> None:
    for _ in range(2):
        orders = count(own)
        shop = live(LIVE_SHOP_LONG_TRANSACTION_SECONDS="600")
        until(lambda: holds(own), "an order is held open")
        shop.end(signal.SIGKILL)
        until(lambda: not has_sessions(own), "PostgreSQL has noticed")
        check(own, before)
        assert count(own) > orders


def test_a_shop_that_is_stopped_ends_at_once_and_leaves_nothing_open(
    own: Settings, before: Books, live: Callable[..., Living]
) -> None:
    shop = live(LIVE_SHOP_LONG_TRANSACTION_SECONDS="600")
    until(lambda: holds(own), "an order is held open")
    orders = count(own)
    until(lambda: count(own) > orders, "the others go on beside it")
    begin = time.monotonic()
    said = shop.end()

    # Docker kills what has not ended after ten seconds.
    assert (shop.process.returncode, time.monotonic() - begin < 10) == (0, True)
    assert "held open" not in counts(said)
    until(lambda: not has_sessions(own), "its sessions have ended")
    check(own, before)


def test_the_databases_restart_is_survived_with_one_line(
    databases: Stack, own: Settings, before: Books, live: Callable[..., Living]
) -> None:
    shop, orders = live(), count(own)
    until(lambda: count(own) > orders, "it sells")
    with supervisor_of(databases.home) as supervisor:
        supervisor.stopProcessGroup("postgres")
        time.sleep(1)
        supervisor.startProcessGroup("postgres", False)
    databases.start(("postgres",))
    check(own, before)
    orders = count(own)
    until(lambda: count(own) > orders, "it sells again")
    said = shop.end()

    assert (shop.process.returncode, said.count("waiting for PostgreSQL")) == (0, 1)
    assert said.count("\n") == 3, said
    check(own, before)


def test_two_shops_do_not_disturb_each_other(own: Settings, before: Books, live: Callable[..., Living]) -> None:
    shops = [live(LIVE_SHOP_TRANSACTIONS_PER_SECOND="150") for _ in range(2)]
    orders, ends = count(own), time.monotonic() + 6
    while time.monotonic() < ends:
        check(own, before)
    said = [shop.end() for shop in shops]

    assert [shop.process.returncode for shop in shops] == [0, 0]
    assert "waiting" not in "".join(said)
    done = [sum(number for name, number in counts(one).items() if name in ACTIONS) for one in said]
    given_way = sum(counts(one).get("gave way", 0) for one in said)
    assert min(done) > 100
    assert given_way < sum(done) / 20
    assert count(own) > orders
    check(own, before)


def test_the_web_shops_orders_and_their_users_are_left_alone(own: Settings, live: Callable[..., Living]) -> None:
    """An event decides the status of its order, and names its user by an address that has to stay."""
    mark = """with ours as (select order_id from source.orders order by order_id desc limit 500)
        update source.orders set web_order_id = gen_random_uuid(), web_order_version = 1
        where order_id in (select order_id from ours)"""
    with closing(postgres.owner(own).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(mark)
    orders = "select order_id, status, updated_at from source.orders where web_order_id is not null order by 1"
    users = "select user_id, email from source.users where position('+' in email) = 0 order by 1"
    before = ask(own, orders), ask(own, users)
    shop = live()
    time.sleep(4)
    said = shop.end()

    assert (ask(own, orders), ask(own, users)) == before
    assert counts(said).keys() >= {"paid", "e-mail changed"}
