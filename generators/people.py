"""Users: who they are, when they registered and how much they buy."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from generators.columns import Block, Column, Moment, Pool, Text, Whole, Words
from generators.copy_text import DAY
from generators.draw import Ints, skewed
from generators.plan import PAST_SPANS, Plan, chunks
from generators.seasons import Season
from generators.words import MAIL_HOSTS, Vocabulary

LEVELS = ("Platinum", "Gold", "Silver", "Bronze", "Basic")
LEVEL_FROM = np.array([20_000, 8_000, 4_000, 2_000])  # lowest eagerness of the top four levels
NEVER_ORDERS, WITHOUT_PHONE = 0.12, 0.07


@dataclass(frozen=True, eq=False)
class People:
    """User facts that other rows depend on, by position; `registered` ascends."""

    registered: Ints
    eagerness: Ints

    @cached_property
    def cumulated_eagerness(self) -> Ints:
        """Return the running sum of the eagerness to buy."""
        return np.cumsum(self.eagerness)

    def registered_before(self, moments: Ints) -> Ints:
        """Return how many users had registered at each moment; users are in order of registration."""
        return np.searchsorted(self.registered, moments, side="right")


def people(plan: Plan) -> People:
    """Return the facts of all users."""
    season = Season(plan.until - PAST_SPANS * plan.days * DAY, PAST_SPANS * plan.days)
    parts = []
    for number, part in enumerate(chunks(plan.users)):
        draws = plan.draws("users", number)
        units = draws.unit(len(part))
        eagerness = np.where(units < 1 - NEVER_ORDERS, skewed(units, 0.015), 0)
        parts.append((season.moments(part, plan.users, draws.unit(len(part))), eagerness))
    registered, eagerness = (np.concatenate(column) for column in zip(*parts, strict=True))
    registered[0], eagerness[0] = season.start, max(eagerness[0], 1)  # somebody can order from the first day
    return People(registered, eagerness)


def user_rows(plan: Plan, number: int, people: People, vocabulary: Vocabulary) -> Block:
    """Return a chunk of the rows of `users`; an e-mail ends with the user's id, so it is unique."""
    part = chunks(plan.users)[number]
    draws, count, here = plan.draws("user texts", number), len(part), slice(part.start, part.stop)
    ids = Whole(plan.first_id("users") + np.arange(part.start, part.stop))
    first = draws.below(len(vocabulary.first_names), count)
    last = draws.below(len(vocabulary.last_names), count)
    mail_parts = (
        Words(vocabulary.first_mail_names, first),
        ".",
        Words(vocabulary.last_mail_names, last),
        ids,
        "@",
        Words(MAIL_HOSTS, draws.pick((6, 3, 2), count)),
    )
    # 555-01xx is reserved for fictional numbers: no one is called.
    phone = ("+1-", Whole(201 + draws.below(780, count)), "-555-01", Whole(10 + draws.below(90, count)))
    columns: dict[str, Column] = {
        "user_id": ids,
        "first_name": Words(vocabulary.first_names, first),
        "last_name": Words(vocabulary.last_names, last),
        "email": Text(mail_parts),
        "phone": Text(phone, draws.unit(count) >= WITHOUT_PHONE),
        "registration_date": Moment(people.registered[here]),
        "loyalty_status": Words(Pool(LEVELS), (people.eagerness[here, None] < LEVEL_FROM).sum(axis=1)),
    }
    return Block("users", count, columns)
