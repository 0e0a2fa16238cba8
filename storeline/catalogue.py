"""What PostgreSQL's catalogue says of a table, and the statements that follow from it on either side."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline import mysql
from storeline.types import MAX_KEY_BYTES, MAX_ROW_BYTES, TEXT, Type, UnknownType, contract

PAGE_BYTES = 8192
ROW_HASH_DIGITS = 15  # 60 bits of each row's SHA-256: their sum over 10^9 rows still fits a DECIMAL exactly


class CatalogueError(Exception):
    """A table cannot be copied; the message is one line that names it."""


@dataclass(frozen=True)
class Column:
    """A column as PostgreSQL declares it, and what becomes of it."""

    name: str
    is_nullable: bool
    type: Type


@dataclass(frozen=True)
class Index:
    """A secondary index over plain columns."""

    name: str
    is_unique: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SourceTable:
    """A table that can be copied: every type is known and there is a primary key."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[Index, ...]
    bytes: int

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)

    def page_ranges(self, chunk_bytes: int) -> list[tuple[int, int | None]]:
        """Return ranges of pages [first, end); the last one is open, for what was appended after the size was read."""
        step = max(1, chunk_bytes // PAGE_BYTES)
        count = max(1, -(-self.bytes // (step * PAGE_BYTES)))
        return [(n * step, (n + 1) * step if n < count - 1 else None) for n in range(count)]


def describe(connection: Connection, schema: str, name: str) -> SourceTable:
    """Return what the catalogue says of a table.

    Raises CatalogueError when the table is missing, is no ordinary table, has no primary key, or has a column whose
    type the copy does not carry.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """select c.oid, c.relkind, pg_relation_size(c.oid)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = %s and c.relname = %s""",
            (schema, name),
        )
        found = cursor.fetchone()
        if found is None:
            raise CatalogueError(f"{schema}.{name} is not in PostgreSQL: create it or take it out of tables.py")
        oid, kind, size = found
        if kind != "r":
            raise CatalogueError(f"{schema}.{name} is no ordinary table (pg_class.relkind '{kind}')")
        cursor.execute(
            # PostgreSQL 18 marks a column as not null that may hold nulls from before: NOT NULL … NOT VALID.
            """select attname, format_type(atttypid, atttypmod),
                      not attnotnull or exists (
                          select from pg_constraint where conrelid = attrelid and contype = 'n' and not convalidated
                          and conkey = array[attnum])
               from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped order by attnum""",
            (oid,),
        )
        columns = tuple(_column(schema, name, *row) for row in cursor.fetchall())
        # Expressions and predicates have no counterpart; such an index only makes queries on the source faster.
        cursor.execute(
            """select ic.relname, i.indisprimary, i.indisunique,
                      array(select a.attname::text from unnest(i.indkey::smallint[]) with ordinality k(attnum, position)
                            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                            where k.position <= i.indnkeyatts order by k.position)
               from pg_index i join pg_class ic on ic.oid = i.indexrelid
               where i.indrelid = %s and i.indisvalid and i.indpred is null and i.indexprs is null
               order by ic.relname""",
            (oid,),
        )
        indexes = cursor.fetchall()
    key = next((tuple(on) for _, is_primary, _, on in indexes if is_primary), ())
    table = SourceTable(
        schema,
        name,
        columns,
        key,
        tuple(Index(n, is_unique, tuple(on)) for n, is_primary, is_unique, on in indexes if not is_primary),
        size,
    )
    if not key:
        raise CatalogueError(f"{schema}.{name} has no primary key: add one, the copy needs to tell rows apart")
    if sum(table.column(c).type.key_bytes for c in key) > MAX_KEY_BYTES:
        raise CatalogueError(f"{schema}.{name}: its primary key ({', '.join(key)}) is too long for MySQL")
    return _fitting(table)


def _fitting(table: SourceTable) -> SourceTable:
    """Return the table with as many of its texts as LONGTEXT as MySQL's limit for a row asks for, the longest first.

    Raises CatalogueError when what is left, the columns of keys and indexes among it, is still too long.
    """
    indexed = {name for index in table.indexes for name in index.columns} | set(table.key)
    columns = {column.name: column for column in table.columns}
    longest = sorted(table.columns, key=lambda column: -column.type.row_bytes)
    for column in longest:
        if _row_bytes(columns.values()) <= MAX_ROW_BYTES:
            break
        if column.name not in indexed and column.type.mysql.startswith("VARCHAR"):
            columns[column.name] = replace(column, type=TEXT)
    if _row_bytes(columns.values()) <= MAX_ROW_BYTES:
        return replace(table, columns=tuple(columns.values()))
    raise CatalogueError(f"{table.schema}.{table.name}: its rows are longer than MySQL's {MAX_ROW_BYTES} bytes")


def _row_bytes(columns: Collection[Column]) -> int:
    """Return what MySQL counts of a row: a bit for each null, and a text's length of two bytes, are part of it."""
    return sum(column.type.row_bytes for column in columns) + len(columns) // 8 + 1


def _column(schema: str, table: str, name: str, declared: str, is_nullable: bool) -> Column:
    try:
        return Column(name, is_nullable, contract(declared))
    except UnknownType:
        raise CatalogueError(f"{schema}.{table}.{name}: the copy does not carry the type {declared}") from None


def quoted(connection: Connection, schema: str, name: str) -> str:
    """Return a table's quoted name in PostgreSQL."""
    return f"{quote_ident(schema, connection)}.{quote_ident(name, connection)}"


def source_name(connection: Connection, table: SourceTable) -> str:
    """Return the table's quoted name in PostgreSQL."""
    return quoted(connection, table.schema, table.name)


def copy_query(connection: Connection, table: SourceTable, first_page: int, end_page: int | None) -> str:
    """Return the COPY of a range of pages; without an end it also takes what was appended meanwhile."""
    sent = ", ".join(c.type.sent.format(c=quote_ident(c.name, connection)) for c in table.columns)
    end = f" and ctid < '({end_page},0)'::tid" if end_page is not None else ""
    rows = f"select {sent} from {source_name(connection, table)} where ctid >= '({first_page},0)'::tid{end}"
    # CSV, because MySQL reads every text back as it was; of COPY's own text format it takes \\v and \\f for letters.
    return f"copy ({rows}) to stdout (format csv, null 'NULL')"


def load_statement(table: SourceTable, target: str, path: str) -> str:
    """Return the LOAD DATA that reads what `copy_query` sends."""
    names = ", ".join(mysql.quote(c.name) for c in table.columns)
    return (
        f"load data local infile {mysql.literal(path)} into table {target} character set utf8mb4 "
        f"fields terminated by ',' optionally enclosed by '\"' escaped by '' lines terminated by '\\n' ({names})"
    )


def staging_ddl(table: SourceTable, target: str) -> str:
    """Return the DDL of a staging table: columns and primary key; indexes follow after the load."""
    columns = [f"{mysql.quote(c.name)} {c.type.mysql}{'' if c.is_nullable else ' not null'}" for c in table.columns]
    key = ", ".join(mysql.quote(c) for c in table.key)
    return f"create table {target} ({', '.join(columns)}, primary key ({key}))"


def index_ddl(table: SourceTable, target: str) -> str | None:
    """Return the DDL that adds the secondary indexes in one pass over the rows, where there are any."""
    added = []
    for index in table.indexes:
        # A key that MySQL cannot hold only makes queries slower there; the rows are the same.
        if sum(table.column(c).type.key_bytes for c in index.columns) <= MAX_KEY_BYTES:
            names = ", ".join(mysql.quote(c) for c in index.columns)
            kind = "unique index" if index.is_unique else "index"
            added.append(f"add {kind} {mysql.quote(index.name)} ({names})")
    return f"alter table {target} {', '.join(added)}" if added else None


def source_contents_query(connection: Connection, table: SourceTable) -> str:
    """Return PostgreSQL's query for (number of rows, sum of the rows' hashes)."""
    texts = [c.type.postgres_text.format(c=quote_ident(c.name, connection)) for c in table.columns]
    row = " || '|' || ".join(f"coalesce({text}, 'N')" for text in texts)
    digits = f"left(encode(sha256(convert_to({row}, 'UTF8')), 'hex'), {ROW_HASH_DIGITS})"
    hashed = f"('x' || {digits})::bit({ROW_HASH_DIGITS * 4})::bigint"
    return f"select count(*), coalesce(sum({hashed}), 0)::text from {source_name(connection, table)}"


def target_contents_query(table: SourceTable, target: str) -> str:
    """Return MySQL's query for (number of rows, sum of the rows' hashes)."""
    texts = [c.type.mysql_text.format(c=mysql.quote(c.name)) for c in table.columns]
    row = "concat_ws('|', " + ", ".join(f"coalesce({text}, 'N')" for text in texts) + ")"
    hashed = f"cast(conv(left(sha2({row}, 256), {ROW_HASH_DIGITS}), 16, 10) as unsigned)"
    return f"select count(*), cast(coalesce(sum({hashed}), 0) as char) from {target}"
