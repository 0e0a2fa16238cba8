"""Write a shop into PostgreSQL: by COPY, in one transaction."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from io import BytesIO

import psycopg2
from psycopg2.errors import InvalidSchemaName, UndefinedFunction, UndefinedTable
from psycopg2.extensions import cursor as Cursor
from tqdm import tqdm

from generators.catalogue import Category
from generators.columns import Block
from storeline.errors import StorelineError, one_line
from storeline.stores.postgres import Login, PostgresError
from storeline.tables import SOURCE_SCHEMA as SCHEMA

# In foreign-key order, with their keys.
KEYS = {
    "users": "user_id",
    "product_categories": "category_id",
    "products": "product_id",
    "orders": "order_id",
    "order_details": "order_detail_id",
    "reviews": "review_id",
    "loyalty_points": "loyalty_id",
}
# The id of a deleted row is not reused.
LAST_ID = """select greatest((select max({key}) from {table}),
                    pg_sequence_last_value(pg_get_serial_sequence('{table}', '{key}')), 0)"""
LOCK_WAIT = "60s"
READ_AT_ONCE = 1 << 20


class Mode(Enum):
    """What to do when the shop is not empty."""

    NEW = auto()
    APPEND = auto()
    REPLACE = auto()
    IF_EMPTY = auto()


@dataclass(frozen=True)
class Database:
    """The shop's tables in an open transaction, locked against other writers."""

    cursor: Cursor
    taken: Mapping[str, int]
    categories: list[Category]

    def write(self, blocks: Iterable[Block], expected: Mapping[str, int]) -> None:
        """Write the blocks with a progress bar, and set the sequences to continue after the last ids."""
        with tqdm(total=sum(expected.values()), unit=" rows", unit_scale=True, disable=not sys.stderr.isatty()) as bar:
            for block, text in ahead(blocks):
                names = ", ".join(block.columns)
                copy = f"copy {SCHEMA}.{block.table} ({names}) from stdin"
                self.cursor.copy_expert(copy, BytesIO(text), READ_AT_ONCE)
                bar.update(block.count)
        for table, key in KEYS.items():
            if bar.disable:
                print(f"shop: {table}: {expected.get(table, 0):,} rows")
            self.cursor.execute(f"analyze {SCHEMA}.{table}")
            # Never lower: a rollback does not undo setval, and the ids of a shop that stays must not be reused.
            last = LAST_ID.format(table=f"{SCHEMA}.{table}", key=key)
            sequence = f"pg_get_serial_sequence('{SCHEMA}.{table}', '{key}')"
            self.cursor.execute(f"select setval({sequence}, nullif(({last}), 0))")


@contextmanager
def shop(login: Login, mode: Mode) -> Iterator[Database | None]:
    """Open the shop for filling; everything commits at the end, or nothing does. None when it is to be left alone.

    Raises StorelineError when the shop is not empty and `mode` does not allow that, or when PostgreSQL refuses.
    """
    with closing(login.connect(lock_timeout=LOCK_WAIT)) as connection:
        try:
            with connection, connection.cursor() as cursor:
                yield _open(cursor, mode)
        except (UndefinedTable, UndefinedFunction, InvalidSchemaName) as error:
            missing = one_line(error)
            raise PostgresError(f"{missing}: create the tables first (python -m init_db.run postgres)") from error
        except psycopg2.Error as error:
            raise PostgresError(f"PostgreSQL refused: {one_line(error)}") from error


def _open(cursor: Cursor, mode: Mode) -> Database | None:
    for table in KEYS:
        cursor.execute(f"lock table {SCHEMA}.{table} in share row exclusive mode")
    filled = [table for table in KEYS if _first(cursor, f"select exists (select from {SCHEMA}.{table})")]
    if filled and mode is Mode.IF_EMPTY:
        return None
    if filled and mode is Mode.NEW:
        raise StorelineError(f"the shop is not empty ({', '.join(filled)}): use --append, --replace or --if-empty")
    if mode is not Mode.APPEND:
        cursor.execute("select ops.begin_bulk_load(%s)", (mode is Mode.REPLACE,))
        return Database(cursor, {}, [])
    taken = {table: _first(cursor, LAST_ID.format(table=f"{SCHEMA}.{table}", key=key)) for table, key in KEYS.items()}
    query = f"select category_id, name, parent_category_id from {SCHEMA}.product_categories order by 1"
    cursor.execute(query)
    return Database(cursor, taken, [Category(*row) for row in cursor.fetchall()])


def _first(cursor: Cursor, query: str) -> int:
    cursor.execute(query)
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def ahead(blocks: Iterable[Block]) -> Iterator[tuple[Block, bytes]]:
    """Yield blocks with their text; a second thread prepares the next one while the caller writes."""
    source = iter(blocks)

    def following() -> tuple[Block, bytes] | None:
        block = next(source, None)
        return None if block is None else (block, block.copy_text())

    with ThreadPoolExecutor(1) as maker:
        promised = maker.submit(following)
        while (made := promised.result()) is not None:
            promised = maker.submit(following)
            yield made
