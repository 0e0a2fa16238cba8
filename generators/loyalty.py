"""Loyalty points: earned by orders, reviews, referrals and promotions, taken back by refunds."""

import numpy as np

from generators.columns import Block, Column, Moment, Pool, Whole, Words
from generators.draw import Draws, Ints
from generators.orders import ABORTED, COMPLETED, PAID, Orders
from generators.people import People
from generators.plan import Plan, share
from generators.reviews import Reviews

REASONS = ("Order", "Review", "Refund", "Promotion", "Referral")
ORDER, REVIEW, REFUND, PROMOTION, REFERRAL = range(5)
REASON_SHARES = (60, 13, 6, 14, 7)
CENTS_FOR_A_POINT = 1000
POINTS_FOR_A_REVIEW = 10
PROMOTED = np.array([25, 50, 100, 200])
REFERRED = np.array([100, 150])


def loyalty_rows(plan: Plan, number: int, chunk: Orders, said: Reviews, people: People) -> Block:
    """Return the `loyalty_points` rows of a chunk of orders and its reviews."""
    part = share(plan.loyalty_entries, chunk.part, plan.orders)
    draws, count = plan.draws("loyalty", number), len(part)
    reason = draws.pick(REASON_SHARES, count)
    any_order = draws.below(len(chunk.part), count)
    # Promotions and referrals go to anyone registered by then; order dates set the time.
    user = draws.below(people.registered_before(chunk.date[any_order]), count)
    created = chunk.date[any_order].copy()
    points = np.where(
        reason == REFERRAL,
        REFERRED[draws.below(len(REFERRED), count)],
        PROMOTED[draws.below(len(PROMOTED), count)],
    )

    earned = np.maximum(chunk.cents // CENTS_FOR_A_POINT, 1)
    has_paid = np.isin(chunk.status, (PAID, COMPLETED))
    is_refunded = (chunk.status == ABORTED) & (chunk.paid < chunk.closed)
    reviewed = np.arange(len(said.part))
    for kind, causes, users, moments, values in (
        (ORDER, np.flatnonzero(has_paid), chunk.user, chunk.paid, earned),
        (REFUND, np.flatnonzero(is_refunded), chunk.user, chunk.closed, -earned),
        (REVIEW, reviewed, said.user, said.created, np.full(len(reviewed), POINTS_FOR_A_REVIEW)),
    ):
        here, cause = _assign(draws, reason, kind, causes)
        user[here], created[here], points[here] = users[cause], moments[cause], values[cause]

    sequence = np.argsort(created, kind="stable")
    columns: dict[str, Column] = {
        "loyalty_id": Whole(plan.first_id("loyalty_points") + np.arange(part.start, part.stop)),
        "user_id": Whole(plan.first_id("users") + user[sequence]),
        "points": Whole(points[sequence]),
        "reason": Words(Pool(REASONS), reason[sequence]),
        "created_at": Moment(created[sequence]),
    }
    return Block("loyalty_points", count, columns)


def _assign(draws: Draws, reason: Ints, kind: int, causes: Ints) -> tuple[Ints, Ints]:
    """Return the entries of a kind and the cause of each; without any cause they become promotions."""
    here = np.flatnonzero(reason == kind)
    if not len(causes):
        reason[here] = PROMOTION
        return here[:0], causes
    return here, causes[draws.sample(len(causes), len(here))]
