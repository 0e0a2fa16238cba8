"""Names and texts: small seeded pools made by Faker; rows pick from them by position."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from faker import Faker

from generators.columns import Pool

LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES")
NAMES_FOR_EACH_LOCALE = (600, 150, 150, 150)  # most customers live where the shop does
SENTENCES = 800
BRANDS = 60
MAIL_HOSTS = Pool(("example.com", "example.org", "example.net"))  # reserved domains: no mail is ever delivered

OPINIONS = {
    1: ("Would not buy again.", "Broke within a week.", "Nothing like the picture.", "I want my money back."),
    2: ("Expected more.", "Not worth the price.", "It works, barely.", "Poorly made."),
    3: ("Does what it should.", "Average.", "Good, with a few flaws.", "Fine for the price."),
    4: ("Very good.", "Would recommend it.", "Good quality.", "Solid and well made."),
    5: ("Perfect!", "Exactly what I wanted.", "Best purchase this year.", "Could not be happier."),
}


@dataclass(frozen=True)
class Vocabulary:
    """The pools of one shop."""

    first_names: Pool
    last_names: Pool
    sentences: Pool
    brands: Pool

    @cached_property
    def first_mail_names(self) -> Pool:
        """Return the first names in the form used in e-mail addresses."""
        return Pool([mail_name(text) for text in self.first_names.texts])

    @cached_property
    def last_mail_names(self) -> Pool:
        """Return the last names in the form used in e-mail addresses."""
        return Pool([mail_name(text) for text in self.last_names.texts])


def vocabulary(seed: int) -> Vocabulary:
    """Return the pools of a seed. Names that are frequent in their country are repeated."""
    first_names: list[str] = []
    last_names: list[str] = []
    for locale, count in zip(LOCALES, NAMES_FOR_EACH_LOCALE, strict=True):
        faker = seeded(locale, seed)
        first_names += [faker.first_name() for _ in range(count)]
        last_names += [faker.last_name() for _ in range(count)]
    faker = seeded(LOCALES[0], seed)
    return Vocabulary(
        Pool(first_names),
        Pool(last_names),
        Pool([faker.sentence() for _ in range(SENTENCES)]),
        Pool(list(dict.fromkeys(faker.last_name() for _ in range(BRANDS)))),
    )


def seeded(locale: str, seed: int) -> Faker:
    """Return a Faker with its own random stream."""
    faker = Faker(locale)
    faker.seed_instance(seed)
    return faker


def mail_name(name: str) -> str:
    """Return a name in lower-case ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z]", "", plain) or "customer"
