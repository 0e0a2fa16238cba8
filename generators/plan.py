"""A shop's size, seed and end of history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from generators.copy_text import DAY
from generators.draw import Draws
from storeline.errors import StorelineError
from storeline.settings import Settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHUNK = 20_000  # users, products or orders generated at a time; part of what a seed means, so not a setting
PAST_SPANS = 3  # users and products go back this many times as far as orders


@dataclass(frozen=True)
class Plan:
    """Sizes, seed and end of a shop; `taken` holds the highest id already in each table."""

    users: int
    categories: int
    products: int
    orders: int
    reviews: int
    loyalty_entries: int
    seed: int
    until: int
    days: int
    taken: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reviews + self.loyalty_entries and not self.orders:
            raise StorelineError("SHOP_ORDERS gives no orders: SHOP_REVIEWS and SHOP_LOYALTY_ENTRIES must be 0 as well")

    @property
    def start(self) -> int:
        """Return the earliest possible order time."""
        return self.until - self.days * DAY

    def draws(self, name: str, chunk: int = 0) -> Draws:
        """Return the stream of draws for one purpose; an appended shop has its own streams."""
        return Draws((self.seed, self.taken.get("users", 0)), name, chunk)

    def first_id(self, table: str) -> int:
        """Return the id of a table's first new row."""
        return self.taken.get(table, 0) + 1


def plan_of(settings: Settings, taken: Mapping[str, int] | None = None) -> Plan:
    """Return the plan for the settings, after the ids already taken. Raises StorelineError."""
    factor = settings.shop_scale
    return Plan(
        users=max(1, round(settings.shop_users * factor)),
        categories=settings.shop_categories,
        products=max(1, round(settings.shop_products * factor)),
        orders=round(settings.shop_orders * factor),
        reviews=round(settings.shop_reviews * factor),
        loyalty_entries=round(settings.shop_loyalty_entries * factor),
        seed=settings.shop_seed,
        until=(settings.shop_until - EPOCH) // timedelta(microseconds=1),
        days=settings.shop_days,
        taken=taken or {},
    )


def chunks(count: int) -> list[range]:
    """Return the ranges in which `count` things are generated."""
    return [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]


def share(total: int, part: range, whole: int) -> range:
    """Return which of `total` things belong to a part of the whole; all parts together cover the total."""
    return range(total * part.start // whole, total * part.stop // whole)
