"""The rival `faker-rows`: a shop generated row by row with Faker and `random`, as is common."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from faker import Faker

from generators.orders import STATUSES
from generators.people import LEVELS
from generators.plan import EPOCH, Plan

Row = tuple[str, dict[str, Any]]


def tools(plan: Plan) -> tuple[Faker, Random]:
    """Return the sources of random values."""
    faker = Faker()
    faker.seed_instance(plan.seed)
    return faker, Random(plan.seed)


def users(plan: Plan) -> Iterator[Row]:
    """Yield the users of a plan."""
    faker, random = tools(plan)
    until = EPOCH + timedelta(microseconds=plan.until)
    for number in range(1, plan.users + 1):
        yield (
            "users",
            {
                "user_id": number,
                "first_name": faker.first_name(),
                "last_name": faker.last_name(),
                "email": f"{number}.{faker.email()}",
                "phone": faker.phone_number(),
                "registration_date": faker.date_time_between(until - timedelta(days=3 * plan.days), until),
                "loyalty_status": random.choice(LEVELS),
            },
        )


def shop(plan: Plan) -> Iterator[Row]:
    """Yield all rows of a plan; an order's lines follow the order."""
    faker, random = tools(plan)
    until = EPOCH + timedelta(microseconds=plan.until)
    start = until - timedelta(days=plan.days)
    yield from users(plan)
    for number in range(1, plan.categories + 1):
        yield "product_categories", {"category_id": number, "name": faker.word()}
    prices = [random.randrange(500, 50_000) for _ in range(plan.products)]
    for number, cents in enumerate(prices, 1):
        yield (
            "products",
            {
                "product_id": number,
                "name": faker.catch_phrase(),
                "description": faker.sentence(),
                "category_id": random.randint(1, plan.categories),
                "price": f"{cents / 100:.2f}",
                "stock_quantity": random.randrange(500),
                "creation_date": faker.date_time_between(start, until),
            },
        )
    line_id = 0
    for number in range(1, plan.orders + 1):
        picked = [(random.randrange(plan.products), random.randint(1, 3)) for _ in range(random.randint(1, 5))]
        total = sum(prices[product] * quantity for product, quantity in picked)
        date, status = faker.date_time_between(start, until), random.choice(STATUSES)
        yield (
            "orders",
            {
                "order_id": number,
                "user_id": random.randint(1, plan.users),
                "order_date": date,
                "total_amount": f"{total / 100:.2f}",
                "status": status,
                "delivery_date": date + timedelta(days=random.randint(1, 9)) if status == "Completed" else None,
            },
        )
        for line, (product, quantity) in enumerate(picked, 1):
            line_id += 1
            yield (
                "order_details",
                {
                    "order_detail_id": line_id,
                    "order_id": number,
                    "line_number": line,
                    "product_id": product + 1,
                    "quantity": quantity,
                    "price_per_unit": f"{prices[product] / 100:.2f}",
                    "total_price": f"{prices[product] * quantity / 100:.2f}",
                },
            )
    for number in range(1, plan.reviews + 1):
        yield (
            "reviews",
            {
                "review_id": number,
                "user_id": random.randint(1, plan.users),
                "product_id": random.randint(1, plan.products),
                "rating": random.randint(1, 5),
                "review_text": faker.sentence(),
                "created_at": faker.date_time_between(start, until),
            },
        )
    for number in range(1, plan.loyalty_entries + 1):
        yield (
            "loyalty_points",
            {
                "loyalty_id": number,
                "user_id": random.randint(1, plan.users),
                "points": random.randint(1, 100),
                "reason": random.choice(("Order", "Promotion", "Review", "Referral")),
                "created_at": faker.date_time_between(start, until),
            },
        )
