"""What is true of every row of a generated shop."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from generators.plan import CHUNK
from generators.shop import sizes
from storeline.errors import StorelineError
from tests.shop import DEFAULT, MOMENTS, UNTIL, Row, shop

Shop = dict[str, list[Row]]


@pytest.fixture(scope="module", params=["default", "tiny", "two chunks"])
def made(request: pytest.FixtureRequest) -> Shop:
    changes = {
        "default": {},
        "tiny": {
            "users": 1,
            "categories": 2,
            "products": 1,
            "orders": 1,
            "reviews": 3,
            "loyalty_entries": 5,
            "days": 1,
        },
        "two chunks": {"orders": CHUNK + 7, "users": CHUNK + 3, "products": CHUNK + 1, "days": 30},
    }
    return shop(**changes[request.param])


def by_id(rows: list[Row], key: str) -> dict[int, Row]:
    return {row[key]: row for row in rows}


def test_a_table_has_as_many_rows_as_the_plan_says() -> None:
    counts = {table: len(rows) for table, rows in shop().items()}

    assert counts == sizes(DEFAULT)
    assert counts["order_details"] == pytest.approx(3 * counts["orders"], rel=0.05)


def test_ids_are_consecutive_from_one(made: Shop) -> None:
    for rows in made.values():
        key = next(iter(rows[0]))
        assert [row[key] for row in rows] == list(range(1, len(rows) + 1))


def test_references_point_at_rows_that_are_there(made: Shop) -> None:
    ids = {key: set(by_id(rows, key)) for rows in made.values() for key in [next(iter(rows[0]))]}
    ids["parent_category_id"] = ids["category_id"] | {None}

    for rows in made.values():
        for column in list(rows[0])[1:]:
            if column in ids:
                assert {row[column] for row in rows} <= ids[column]


def test_an_order_costs_what_its_lines_cost(made: Shop) -> None:
    sums: Counter[int] = Counter()
    for line in made["order_details"]:
        assert line["total_price"] == line["quantity"] * line["price_per_unit"]
        sums[line["order_id"]] += line["total_price"]

    assert sums == {order["order_id"]: order["total_amount"] for order in made["orders"]}


def test_an_order_has_one_to_ten_lines_numbered_from_one(made: Shop) -> None:
    numbers = defaultdict(list)
    for line in made["order_details"]:
        numbers[line["order_id"]].append(line["line_number"])

    assert set(numbers) == set(by_id(made["orders"], "order_id"))
    assert all(found == list(range(1, len(found) + 1)) and len(found) <= 10 for found in numbers.values())


def test_an_order_has_a_delivery_date_exactly_when_it_is_completed(made: Shop) -> None:
    for order in made["orders"]:
        assert (order["delivery_date"] is not None) == (order["status"] == "Completed")
        assert order["delivery_date"] is None or order["delivery_date"] >= order["order_date"]


def test_nothing_happens_after_the_end_of_the_history(made: Shop) -> None:
    for rows in made.values():
        assert all(row[name] is None or row[name] <= UNTIL for row in rows for name in MOMENTS & set(row))


def test_orders_lie_within_the_days_of_the_history() -> None:
    assert all(UNTIL - timedelta(days=20) <= order["order_date"] < UNTIL for order in shop(days=20)["orders"])


def test_people_order_after_they_register(made: Shop) -> None:
    users = by_id(made["users"], "user_id")

    assert all(users[order["user_id"]]["registration_date"] <= order["order_date"] for order in made["orders"])


def test_products_are_ordered_after_they_are_on_sale(made: Shop) -> None:
    products, orders = by_id(made["products"], "product_id"), by_id(made["orders"], "order_id")

    for line in made["order_details"]:
        assert products[line["product_id"]]["creation_date"] <= orders[line["order_id"]]["order_date"]


def test_people_review_what_they_bought_after_they_bought_it(made: Shop) -> None:
    orders = by_id(made["orders"], "order_id")
    first_bought: dict[tuple[int, int], object] = {}
    for line in made["order_details"]:  # ordered by date
        order = orders[line["order_id"]]
        first_bought.setdefault((order["user_id"], line["product_id"]), order["order_date"])

    assert all(first_bought[r["user_id"], r["product_id"]] <= r["created_at"] for r in made["reviews"])


def test_only_delivered_goods_are_reviewed_when_there_are_any() -> None:
    found = shop()
    orders = by_id(found["orders"], "order_id")
    delivered = defaultdict(list)
    for line in found["order_details"]:
        order = orders[line["order_id"]]
        if order["delivery_date"]:
            delivered[order["user_id"], line["product_id"]].append(order["delivery_date"])

    assert all(min(delivered[r["user_id"], r["product_id"]]) <= r["created_at"] for r in found["reviews"])


def test_e_mails_are_unique_and_plain(made: Shop) -> None:
    emails = [user["email"] for user in made["users"]]

    assert len(set(map(str.lower, emails))) == len(emails)
    assert all(email.isascii() and email.count("@") == 1 and " " not in email for email in emails)


def test_points_are_negative_exactly_for_a_refund(made: Shop) -> None:
    assert all((entry["points"] < 0) == (entry["reason"] == "Refund") for entry in made["loyalty_points"])
    assert all(entry["points"] != 0 for entry in made["loyalty_points"])


def test_points_for_an_order_come_after_an_order_and_for_a_review_with_it(made: Shop) -> None:
    first_order: dict[int, object] = {}
    for order in made["orders"]:
        first_order.setdefault(order["user_id"], order["order_date"])
    reviewed = {(review["user_id"], review["created_at"]) for review in made["reviews"]}

    for entry in made["loyalty_points"]:
        if entry["reason"] in ("Order", "Refund"):
            assert first_order[entry["user_id"]] <= entry["created_at"]
        if entry["reason"] == "Review":
            assert (entry["user_id"], entry["created_at"]) in reviewed


def test_a_refund_belongs_to_an_order_that_was_given_up() -> None:
    found = shop()
    aborted = {order["user_id"] for order in found["orders"] if order["status"] == "Aborted"}

    assert {e["user_id"] for e in found["loyalty_points"] if e["reason"] == "Refund"} <= aborted


def test_people_get_points_after_they_register(made: Shop) -> None:
    users = by_id(made["users"], "user_id")

    assert all(users[e["user_id"]]["registration_date"] <= e["created_at"] for e in made["loyalty_points"])


@pytest.mark.parametrize("count", [2, 3, 20, 24, 25, 200, 1000])
def test_categories_are_a_tree_of_two_levels_or_more_and_names_are_unique(count: int) -> None:
    categories = by_id(shop(categories=count, users=1, products=1, orders=1)["product_categories"], "category_id")

    assert len(categories) == count == len({category["name"] for category in categories.values()})
    assert {c["parent_category_id"] is None for c in categories.values()} == {True, False}
    assert all((c["parent_category_id"] or 0) < key for key, c in categories.items())


def test_reviews_without_orders_are_refused() -> None:
    with pytest.raises(StorelineError, match="SHOP_ORDERS"):
        shop(orders=0)


def test_a_shop_without_orders_has_users_and_products() -> None:
    assert set(shop(orders=0, reviews=0, loyalty_entries=0)) == {"users", "product_categories", "products"}
