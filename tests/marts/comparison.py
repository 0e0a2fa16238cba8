"""What the marts hold against what PostgreSQL computes for itself, by `independent/*.sql`."""

from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from storeline.marts.contract import Mart, load
from storeline.settings import Settings
from storeline.stores import mysql, postgres

INDEPENDENT = Path(__file__).parent / "independent"


def differences(settings: Settings, marts: Iterable[Mart] = (), may_be_empty: bool = False) -> list[str]:
    """Return which marts, of all by default, do not equal the independent computation, or have no row."""
    found = []
    with (
        closing(postgres.owner(settings).connect()) as source,
        closing(mysql.analyst(settings).connect()) as target,
        source.cursor() as cursor,
    ):
        for mart in marts or load():
            if not (INDEPENDENT / f"{mart.name}.sql").exists():  # a mart of the user's own
                continue
            cursor.execute((INDEPENDENT / f"{mart.name}.sql").read_text())
            wanted = as_text(cursor.fetchall())
            is_equal = wanted == as_text(mysql.ask(target, f"select * from marts.{mysql.quote(mart.name)}"))
            if not is_equal or not (wanted or may_be_empty):
                found.append(mart.name)
    return found


def as_text(rows: list[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """Return rows as sorted text: what is equal is equal whatever the drivers make of a type."""

    def text(value: Any) -> str:
        moment = value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value
        return f"{moment:f}" if isinstance(moment, Decimal) else str(moment)

    return sorted(tuple(map(text, row)) for row in rows)
