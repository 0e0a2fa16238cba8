"""The statements that copy a table: COPY in PostgreSQL, then the DDL and LOAD DATA in MySQL, and what it holds then."""

from collections.abc import Sequence

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline.replica.source import SourceColumn, SourceTable, quoted
from storeline.replica.types import MAX_KEY_BYTES
from storeline.stores import mysql


def copy_pages(connection: Connection, table: SourceTable, first_page: int, end_page: int | None) -> str:
    """Return the COPY of a range of pages; without an end it also includes rows appended meanwhile."""
    end = f" and ctid < '({end_page},0)'::tid" if end_page is not None else ""
    return copy_rows(connection, table, f"ctid >= '({first_page},0)'::tid{end}")


def copy_rows(
    connection: Connection, table: SourceTable, condition: str, before: str = "", quoted_before: Sequence[str] = ()
) -> str:
    """Return the COPY of the rows that meet a condition, one CSV line each.

    `before` is what precedes a row's own columns, with a comma at its end; those of its columns that `quoted_before`
    names are texts.
    """
    sent = ", ".join(c.type.sent.format(c=quote_ident(c.name, connection)) for c in table.columns)
    texts = [*quoted_before, *(quote_ident(c.name, connection) for c in table.columns if c.type.is_text)]
    quoting = f", force_quote ({', '.join(texts)})" if texts else ""
    rows = f"select {before}{sent} from {quoted(connection, table.schema, table.name)} where {condition}"
    # CSV, because MySQL reads every text back unchanged; in COPY's own text format it takes \\v and \\f for letters.
    return f"copy ({rows}) to stdout (format csv, null 'NULL'{quoting})"


def load_statement(table: SourceTable, target: str, path: str, replaces: bool = False) -> str:
    """Return the LOAD DATA that reads what `copy_rows` sends; rows with the same key make way for it, if `replaces`."""
    verb = "replace into" if replaces else "into"
    names = ", ".join(mysql.quote(c.name) for c in table.columns)
    return (
        f"load data local infile {mysql.literal(path)} {verb} table {target} character set utf8mb4 "
        f"fields terminated by ',' optionally enclosed by '\"' escaped by '' lines terminated by '\\n' ({names})"
    )


def value(column: SourceColumn) -> str:
    """Return MySQL's expression for the bytes of a value, as `copy_rows` sent it; a null stays one."""
    return column.type.stored.format(c=mysql.quote(column.name))


def value_or_null(column: SourceColumn) -> str:
    """Return MySQL's expression for the bytes of a value or of the word NULL, as `copy_rows` sent it."""
    return f"coalesce({value(column)}, _binary'NULL')"


def staging_ddl(table: SourceTable, target: str) -> str:
    """Return the DDL of a staging table: columns and primary key; indexes follow after the load."""
    columns = [f"{mysql.quote(c.name)} {c.type.mysql}{'' if c.is_nullable else ' not null'}" for c in table.columns]
    key = ", ".join(mysql.quote(c) for c in table.key)
    return f"create table {target} ({', '.join(columns)}, primary key ({key}))"


def index_ddl(table: SourceTable, target: str) -> str | None:
    """Return the DDL that adds the secondary indexes in one pass over the rows, or None if there are none."""
    added = []
    for index in table.indexes:
        # A key that is too long for MySQL only makes queries slower there; the rows are the same.
        if sum(table.column(c).type.key_bytes for c in index.columns) <= MAX_KEY_BYTES:
            names = ", ".join(mysql.quote(c) for c in index.columns)
            kind = "unique index" if index.is_unique else "index"
            added.append(f"add {kind} {mysql.quote(index.name)} ({names})")
    return f"alter table {target} {', '.join(added)}" if added else None
