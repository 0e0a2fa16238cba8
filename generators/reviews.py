"""Reviews of the products that users bought."""

from dataclasses import dataclass

import numpy as np

from generators.catalogue import Catalogue
from generators.columns import Block, Column, Moment, Pool, Text, Whole, Words
from generators.copy_text import DAY
from generators.draw import Ints
from generators.orders import ABORTED, COMPLETED, Orders
from generators.plan import Plan, share
from generators.seasons import HOUR
from generators.words import OPINIONS, Vocabulary

# Shares of ratings 1 to 5 for bad, fair, good and excellent products.
RATINGS = np.array([(24, 20, 20, 21, 15), (8, 9, 19, 36, 28), (3, 4, 10, 35, 48), (1, 2, 4, 23, 70)])
WITHOUT_TEXT = 0.15


@dataclass(frozen=True, eq=False)
class Reviews:
    """The reviews of a chunk of orders; `user` and `product` are positions."""

    part: range
    user: Ints
    product: Ints
    rating: Ints
    created: Ints


def reviews(plan: Plan, number: int, chunk: Orders, catalogue: Catalogue) -> Reviews:
    """Return the reviews of a chunk of orders: of delivered goods, if anything was delivered yet."""
    part = share(plan.reviews, chunk.part, plan.orders)
    draws, count = plan.draws("reviews", number), len(part)
    line = _bought(chunk)
    line = line[draws.sample(len(line), count)]
    order = chunk.order[line]
    grade_shares = np.cumsum(RATINGS, axis=1)[catalogue.grade[chunk.product[line]]]
    rating = 1 + (draws.below(100, count)[:, None] >= grade_shares).sum(axis=1)
    had = np.where(chunk.status[order] == COMPLETED, chunk.closed[order], chunk.date[order])
    patience = draws.unit(count)
    later = had + HOUR + (patience * patience * (45 * DAY)).astype(np.int64)
    soon = had + draws.below(plan.until - had + 1, count)
    return Reviews(part, chunk.user[order], chunk.product[line], rating, np.where(later <= plan.until, later, soon))


def _bought(chunk: Orders) -> Ints:
    """Return the lines that can be reviewed: delivered; otherwise not given up; otherwise any."""
    status = chunk.status[chunk.order]
    for lines in (np.flatnonzero(status == COMPLETED), np.flatnonzero(status != ABORTED)):
        if len(lines):
            return lines
    return np.arange(len(chunk.order))


def review_rows(plan: Plan, number: int, found: Reviews, vocabulary: Vocabulary) -> Block:
    """Return the chunk's rows of `reviews`."""
    draws, count = plan.draws("review texts", number), len(found.part)
    for_each = len(OPINIONS[1])
    opinions = Pool([text for rating in sorted(OPINIONS) for text in OPINIONS[rating]])
    opinion = Words(opinions, (found.rating - 1) * for_each + draws.below(for_each, count))
    sentence = Words(vocabulary.sentences, draws.below(len(vocabulary.sentences), count))
    columns: dict[str, Column] = {
        "review_id": Whole(plan.first_id("reviews") + np.arange(found.part.start, found.part.stop)),
        "user_id": Whole(plan.first_id("users") + found.user),
        "product_id": Whole(plan.first_id("products") + found.product),
        "rating": Whole(found.rating),
        "review_text": Text((opinion, " ", sentence), draws.unit(count) >= WITHOUT_TEXT),
        "created_at": Moment(found.created),
    }
    return Block("reviews", count, columns)
