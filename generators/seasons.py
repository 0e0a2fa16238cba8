"""When things happen in a shop: growth by year, variation by month, weekday and hour."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from generators.copy_text import DAY
from generators.draw import Floats, Ints

HOUR = DAY // 24
MONTHS = np.array([80, 76, 88, 92, 97, 94, 86, 90, 99, 104, 138, 152])  # January to December
WEEKDAYS = np.array([100, 94, 96, 103, 119, 130, 112])  # Monday to Sunday
HOURS = np.array([14, 8, 5, 3, 3, 6, 15, 30, 48, 64, 76, 84, 92, 86, 80, 78, 82, 92, 106, 124, 132, 112, 72, 34])


@dataclass(frozen=True)
class Season:
    """A span of whole days in which hourly demand depends on the date."""

    start: int
    days: int

    def moments(self, part: range, total: int, units: Floats) -> Ints:
        """Return the times (microseconds since 1970) of a part of `total` things, ascending."""
        demand, cumulated = demand_by_hour(self.start // HOUR, self.days * 24)
        quantiles = (np.arange(part.start, part.stop) + units) * (float(cumulated[-1]) / total)
        hours = np.minimum(np.searchsorted(cumulated, quantiles.astype(np.int64), side="right"), len(demand) - 1)
        into_hour = (quantiles - (cumulated[hours] - demand[hours])) / demand[hours]
        return self.start + hours * HOUR + np.minimum((into_hour * HOUR).astype(np.int64), HOUR - 1)


@lru_cache(maxsize=4)
def demand_by_hour(first_hour: int, count: int) -> tuple[Ints, Ints]:
    """Return the demand of each of `count` hours, counted since 1970, and its running sum."""
    hours = first_hour + np.arange(count)
    dates = hours // 24
    months = dates.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    growth = 100 + 60 * np.arange(count) // count
    demand = MONTHS[months] * WEEKDAYS[(dates + 3) % 7] * HOURS[hours % 24] * growth
    return demand, np.cumsum(demand)
