"""A generated shop looks like a real one: what is frequent, what is rare, and when."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from statistics import mean

import pytest

from tests.shop import UNTIL, Row, shop

Shop = dict[str, list[Row]]


@pytest.fixture(scope="module")
def made() -> Shop:
    return shop()


def share_of_the_top_tenth(amounts: Iterable[float]) -> float:
    ranked = sorted(amounts, reverse=True)
    return sum(ranked[: len(ranked) // 10]) / sum(ranked)


def test_a_tenth_of_the_products_makes_at_least_a_third_of_the_sales(made: Shop) -> None:
    sold = Counter(line["product_id"] for line in made["order_details"])

    assert share_of_the_top_tenth(sold[product["product_id"]] for product in made["products"]) > 0.33


def test_a_tenth_of_the_users_spends_at_least_a_third_of_the_money(made: Shop) -> None:
    spent: Counter[int] = Counter()
    for order in made["orders"]:
        spent[order["user_id"]] += order["total_amount"]

    assert share_of_the_top_tenth(float(spent[user["user_id"]]) for user in made["users"]) > 0.33


def test_some_users_never_ordered_and_some_products_were_never_sold(made: Shop) -> None:
    buyers = {order["user_id"] for order in made["orders"]}
    sold = {line["product_id"] for line in made["order_details"]}

    assert 0.05 < 1 - len(buyers) / len(made["users"]) < 0.4
    assert 0.01 < 1 - len(sold) / len(made["products"]) < 0.4


def test_old_orders_are_settled_and_recent_ones_are_on_their_way(made: Shop) -> None:
    old, recent = Counter[str](), Counter[str]()
    for order in made["orders"]:
        age = UNTIL - order["order_date"]
        if age > timedelta(days=30):
            old[order["status"]] += 1
        if age < timedelta(days=3):
            recent[order["status"]] += 1

    assert set(old) == {"Completed", "Aborted"}
    assert 0.05 < old["Aborted"] / old.total() < 0.2
    assert (recent["Pending"] + recent["Paid"]) / recent.total() > 0.5
    assert all(Counter(o["status"] for o in made["orders"])[s] for s in ("Pending", "Paid", "Completed", "Aborted"))


def test_orders_have_three_lines_on_average() -> None:
    lines = Counter(line["order_id"] for line in shop(orders=20_000)["order_details"])

    assert mean(lines.values()) == pytest.approx(3, abs=0.05)
    assert (min(lines.values()), max(lines.values())) == (1, 10)


def test_months_weekdays_and_hours_differ(made: Shop) -> None:
    dates = [order["order_date"] for order in made["orders"]]
    months = Counter(date.month for date in dates)
    weekdays = Counter(date.weekday() for date in dates)
    hours = Counter(date.hour for date in dates)

    assert months[12] > 1.2 * months[2]
    assert weekdays[5] > 1.1 * weekdays[1]
    assert hours[20] > 5 * hours[4]


def test_ratings_lean_to_four_and_five_and_depend_on_the_product(made: Shop) -> None:
    ratings = defaultdict(list)
    for review in made["reviews"]:
        ratings[review["product_id"]].append(review["rating"])
    means = [mean(found) for found in ratings.values() if len(found) >= 8]
    counts = Counter(review["rating"] for review in made["reviews"])

    assert set(counts) == {1, 2, 3, 4, 5}
    assert (counts[4] + counts[5]) / counts.total() > 0.6
    assert max(means) - min(means) > 1


def test_eager_users_have_the_higher_levels(made: Shop) -> None:
    orders = Counter(order["user_id"] for order in made["orders"])
    by_level = defaultdict(list)
    for user in made["users"]:
        by_level[user["loyalty_status"]].append(orders[user["user_id"]])

    assert mean(by_level["Platinum"]) > mean(by_level["Silver"]) > mean(by_level["Basic"])
    assert set(by_level) == {"Platinum", "Gold", "Silver", "Bronze", "Basic"}


def test_a_product_name_occurs_in_two_categories(made: Shop) -> None:
    categories = defaultdict(set)
    for product in made["products"]:
        categories[product["name"]].add(product["category_id"])

    assert max(map(len, categories.values())) > 1


def test_what_may_be_unknown_is_unknown_now_and_then(made: Shop) -> None:
    for table, column in (("users", "phone"), ("products", "description"), ("reviews", "review_text")):
        unknown = sum(row[column] is None for row in made[table]) / len(made[table])
        assert 0.02 < unknown < 0.25


def test_every_reason_for_points_occurs(made: Shop) -> None:
    reasons = Counter(entry["reason"] for entry in made["loyalty_points"])

    assert set(reasons) == {"Order", "Promotion", "Review", "Referral", "Refund"}
    assert reasons["Order"] == max(reasons.values())
