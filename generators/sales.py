"""A year of sales: who buys what, where and when; pure and seeded by the run date.

Prices and regional preferences are the same on every run date; how a product sells differs between run dates.
"""

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from generators.copy_text import DAY
from generators.draw import Draws, Ints, skewed
from generators.seasons import Season
from storeline.sales.rules import PRODUCTS, REGIONS

CHUNK = 50_000  # sales generated at a time; part of what a seed means, so not a setting
DAYS = 365
ROWS_OF_A_CUSTOMER = 20
REGION_SHARES = (32, 26, 24, 18)
QUANTITY_SHARES = (58, 22, 10, 6, 3, 1)  # for quantities 1, 2, …
CENTS = (199, 24_999)
SAME_EVERY_WEEK = 7  # a seed


@dataclass(frozen=True)
class Plan:
    """How many sales, in the year before which date."""

    rows: int
    run_date: date

    @property
    def until(self) -> int:
        """Return the midnight UTC at which the year ends, in microseconds since 1970."""
        return (self.run_date - date(1970, 1, 1)).days * DAY

    @property
    def chunks(self) -> list[range]:
        """Return the ranges in which the sales are generated."""
        return [range(first, min(first + CHUNK, self.rows)) for first in range(0, self.rows, CHUNK)]

    def draws(self, name: str, chunk: int = 0) -> Draws:
        """Return the stream of draws for one purpose."""
        return Draws((self.run_date.toordinal(),), f"sales {name}", chunk)

    @cached_property
    def market(self) -> "Market":
        """Return prices, and how well each product sells in each region."""
        fixed = Draws((SAME_EVERY_WEEK,), "sales market")
        prices = CENTS[0] + fixed.below(CENTS[1] - CENTS[0], PRODUCTS)
        popularity = skewed(fixed.unit(PRODUCTS), 0.05)
        this_week = 40 + self.draws("week").below(121, PRODUCTS)
        liked = [popularity * (50 + fixed.below(101, PRODUCTS)) * this_week for _ in REGIONS]
        return Market(prices, tuple(np.cumsum(weights) for weights in liked))


@dataclass(frozen=True, eq=False)
class Market:
    """Prices in cents by product, and for each region the running sum of the products' weights."""

    prices: Ints
    cumulated: tuple[Ints, ...]


@dataclass(frozen=True, eq=False)
class Sales:
    """Valid rows; `region` is a position in REGIONS, times are microseconds since 1970."""

    sale_id: Ints
    customer_id: Ints
    product_id: Ints
    quantity: Ints
    micros: Ints
    cents: Ints
    region: Ints


def sales(plan: Plan, chunk: int) -> Sales:
    """Return the sales of one chunk, in time order."""
    part, market, draws = plan.chunks[chunk], plan.market, plan.draws("rows", chunk)
    count = len(part)
    season = Season(plan.until - DAYS * DAY, DAYS)
    micros = season.moments(part, plan.rows, draws.unit(count))
    customers = max(1, plan.rows // ROWS_OF_A_CUSTOMER)
    customer = 1 + (draws.unit(count) * draws.unit(count) * customers).astype(np.int64)
    region, units = draws.pick(REGION_SHARES, count), draws.unit(count)
    product = np.empty(count, np.int64)
    for number, cumulated in enumerate(market.cumulated):
        here = region == number
        product[here] = np.searchsorted(cumulated, (units[here] * cumulated[-1]).astype(np.int64), side="right")
    quantity = 1 + draws.pick(QUANTITY_SHARES, count)
    sale_id = np.arange(part.start + 1, part.stop + 1, dtype=np.int64)
    return Sales(sale_id, customer, product + 1, quantity, micros, quantity * market.prices[product], region)
