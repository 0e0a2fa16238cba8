"""Categories and products: what the shop sells, at what price, how popular and how good."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from generators.columns import Block, Column, Moment, Money, Pool, Text, Whole, Words
from generators.copy_text import DAY
from generators.departments import ANYWHERE, QUALITIES, sold_in, tree
from generators.draw import Ints, skewed
from generators.plan import PAST_SPANS, Plan, chunks
from generators.seasons import Season
from generators.words import Vocabulary

ENDINGS = np.array([1, 5, 51, 0])  # cents below a full dollar
NEVER_ORDERED, OUT_OF_STOCK, WITHOUT_DESCRIPTION, WITHOUT_BRAND = 0.04, 0.05, 0.06, 0.5
GRADES = (1, 3, 4, 2)  # shares of bad, fair, good and excellent products


@dataclass(frozen=True)
class Category:
    """A category; a department has no parent."""

    id: int
    name: str
    parent_id: int | None


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Product facts that other rows depend on, by position; `created` ascends."""

    categories: Sequence[Category]
    category: Ints
    cents: Ints
    created: Ints
    grade: Ints
    popularity: Ints

    @cached_property
    def cumulated_popularity(self) -> Ints:
        """Return the running sum of the popularity."""
        return np.cumsum(self.popularity)


def categories(plan: Plan) -> list[Category]:
    """Return the shop's categories as a tree of at least two levels."""
    first = plan.first_id("product_categories")
    found = enumerate(tree(plan.categories), first)
    return [Category(n, name, None if parent is None else first + parent) for n, (name, parent) in found]


def catalogue(plan: Plan, categories: Sequence[Category]) -> Catalogue:
    """Return the facts of all products. Products belong to categories below a department, if there are any."""
    sellable = [category for category in categories if category.parent_id is not None] or categories
    shares = skewed(plan.draws("categories").unit(len(sellable)), 0.3)
    usual_dollars = np.array([sold_in(category.name)[0] for category in sellable])
    season = Season(plan.until - PAST_SPANS * plan.days * DAY, PAST_SPANS * plan.days)
    parts = []
    for number, part in enumerate(chunks(plan.products)):
        draws, count = plan.draws("products", number), len(part)
        category = draws.pick(shares, count)
        factor = 0.45 + 0.3 / (draws.unit(count) + 0.12)
        dollars = np.maximum((usual_dollars[category] * factor).astype(np.int64), 2)
        cents = dollars * 100 - ENDINGS[draws.below(len(ENDINGS), count)]
        units = draws.unit(count)
        popularity = np.where(units < 1 - NEVER_ORDERED, skewed(units, 0.012), 0)
        created = season.moments(part, plan.products, draws.unit(count))
        parts.append((category, cents, created, draws.pick(GRADES, count), popularity))
    category, cents, created, grade, popularity = (np.concatenate(column) for column in zip(*parts, strict=True))
    created[0], popularity[0] = season.start, max(popularity[0], 1)  # something can be ordered from the first day
    return Catalogue(sellable, category, cents, created, grade, popularity)


def category_rows(categories: Sequence[Category]) -> Block:
    """Return the rows of `product_categories`."""
    count = len(categories)
    parents = np.array([category.parent_id or 0 for category in categories])
    columns: dict[str, Column] = {
        "category_id": Whole(np.array([category.id for category in categories])),
        "name": Words(Pool([category.name for category in categories]), np.arange(count)),
        "parent_category_id": Whole(parents, parents > 0),
    }
    return Block("product_categories", count, columns)


def product_rows(plan: Plan, number: int, catalogue: Catalogue, vocabulary: Vocabulary) -> Block:
    """Return a chunk of the rows of `products`."""
    part = chunks(plan.products)[number]
    draws, count, here = plan.draws("product texts", number), len(part), slice(part.start, part.stop)
    sold = [(*sold_in(category.name)[1], *ANYWHERE) for category in catalogue.categories]
    kinds = np.array([len(words) for words in sold])
    category = catalogue.category[here]
    kind = (np.cumsum(kinds) - kinds)[category] + draws.below(kinds[category], count)
    brands = Pool(["", *(f"{brand} " for brand in vocabulary.brands.texts)])
    brand = np.where(draws.unit(count) < WITHOUT_BRAND, 0, 1 + draws.below(len(brands) - 1, count))
    sentences = [Words(vocabulary.sentences, draws.below(len(vocabulary.sentences), count)) for _ in range(2)]
    stock = np.where(draws.unit(count) < OUT_OF_STOCK, 0, draws.below(500, count))
    columns: dict[str, Column] = {
        "product_id": Whole(plan.first_id("products") + np.arange(part.start, part.stop)),
        "name": Text(
            (
                Words(brands, brand),
                Words(Pool(QUALITIES), draws.below(len(QUALITIES), count)),
                " ",
                Words(Pool([word for words in sold for word in words]), kind),
            )
        ),
        "description": Text((sentences[0], " ", sentences[1]), draws.unit(count) >= WITHOUT_DESCRIPTION),
        "category_id": Whole(np.array([category.id for category in catalogue.categories])[category]),
        "price": Money(catalogue.cents[here]),
        "stock_quantity": Whole(stock),
        "creation_date": Moment(catalogue.created[here]),
    }
    return Block("products", count, columns)
