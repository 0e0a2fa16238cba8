"""Whether a copy holds the source's values, whatever types the copier gave its columns.

Each value is brought into one text on both sides: a number with thirty decimals, a moment in UTC with microseconds.
CRC-32 of each, summed by column and by row, is equal on both sides exactly when nothing was changed, up to chance.
"""

from contextlib import closing
from typing import Any

from psycopg2.extensions import quote_ident

from storeline.replica.source import SourceColumn, SourceTable, describe
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA

NULL = "\x01"  # no text of the benchmarks
MOMENT = "'YYYY-MM-DD HH24:MI:SS.US BC'"


def differing(settings: Settings, database: str, name: str) -> list[str]:
    """Return the columns of a copied table that hold other values than the source's; `rows` if only the rows differ."""
    with (
        closing(postgres.reader(settings).connect()) as source,
        closing(mysql.admin(settings).connect()) as target,
    ):
        table = describe(source, SOURCE_SCHEMA, name)
        missing = [c.name for c in table.columns if c.name not in columns_of(target, database, name)]
        if missing:
            return missing
        here, there = source_sums(source, table), target_sums(target, database, table)
    names = ["rows", *(c.name for c in table.columns), "rows"]
    return list(dict.fromkeys(name for name, one, two in zip(names, here, there, strict=True) if one != two))


def columns_of(target: Any, database: str, name: str) -> set[str]:
    """Return the columns of a table in MySQL."""
    query = "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
    return {str(column) for (column,) in mysql.ask(target, query, (database, name))}


def source_sums(source: Any, table: SourceTable) -> list[int]:
    """Return the number of rows, each column's sum, and the sum over whole rows."""
    texts = [f"coalesce({source_text(source, c)}, '{NULL}')" for c in table.columns]
    hashes = [f"crc32(convert_to({text}, 'UTF8'))" for text in (*texts, f"concat_ws('|', {', '.join(texts)})")]
    sums = ", ".join(f"coalesce(sum({one}), 0)" for one in hashes)
    with source.cursor() as cursor:
        cursor.execute(f"select count(*), {sums} from {SOURCE_SCHEMA}.{quote_ident(table.name, source)}")  # nosec B608
        return [int(value) for value in cursor.fetchone()]


def target_sums(target: Any, database: str, table: SourceTable) -> list[int]:
    """Return the same of the copied table."""
    texts = [f"coalesce({target_text(c)}, '{NULL}')" for c in table.columns]
    sums = [f"coalesce(sum(crc32({text})), 0)" for text in (*texts, f"concat_ws('|', {', '.join(texts)})")]
    query = f"select count(*), {', '.join(sums)} from {database}.{mysql.quote(table.name)}"
    return [int(value) for value in mysql.ask(target, query)[0]]


def source_text(source: Any, column: SourceColumn) -> str:
    """Return PostgreSQL's expression for a value's text."""
    name = quote_ident(column.name, source)
    if column.type.mysql.startswith("DATETIME"):
        text = f"to_char({name} at time zone 'UTC', {MOMENT})"
        return f"case when isfinite({name}) then {text} else {name}::text end"
    if column.type.mysql.startswith("DECIMAL"):
        return f"{name}::numeric(65, 30)::text"
    return f"{name}::text"


def target_text(column: SourceColumn) -> str:
    """Return MySQL's expression for the same text, from whatever type the column has there."""
    name = mysql.quote(column.name)
    if column.type.mysql.startswith("DATETIME"):
        moment = f"date_format(cast({name} as datetime(6)), '%Y-%m-%d %H:%i:%s.%f AD')"
        return f"if({name} is null, null, coalesce({moment}, cast({name} as char)))"
    if column.type.mysql.startswith("DECIMAL"):
        return f"cast(cast({name} as decimal(65, 30)) as char)"
    return f"cast({name} as char)"
