"""What PostgreSQL's catalogue says about a table to be copied."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline.errors import StorelineError
from storeline.replica.types import MAX_KEY_BYTES, MAX_ROW_BYTES, TEXT, Type, UnknownType, contract

PAGE_BYTES = 8192


@dataclass(frozen=True)
class SourceColumn:
    """A column as PostgreSQL declares it, and how it is copied."""

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
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    indexes: tuple[Index, ...]
    bytes: int

    def column(self, name: str) -> SourceColumn:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)

    def page_ranges(self, chunk_bytes: int) -> list[tuple[int, int | None]]:
        """Return ranges of pages [first, end); the last one is open, for rows appended after the size was read."""
        step = max(1, chunk_bytes // PAGE_BYTES)
        count = max(1, -(-self.bytes // (step * PAGE_BYTES)))
        return [(n * step, (n + 1) * step if n < count - 1 else None) for n in range(count)]


def describe(connection: Connection, schema: str, name: str) -> SourceTable:
    """Return what the catalogue says about a table.

    Raises StorelineError when the table is missing, is not an ordinary table, has no primary key, or has a column whose
    type the copy does not support.
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
            raise StorelineError(f"{schema}.{name} is not in PostgreSQL: create it or remove it from tables.py")
        oid, kind, size = found
        if kind != "r":
            raise StorelineError(f"{schema}.{name} is not an ordinary table (pg_class.relkind '{kind}')")
        cursor.execute(
            # PostgreSQL 18 marks a column as not null although it may hold older nulls: NOT NULL … NOT VALID.
            """select attname, format_type(atttypid, atttypmod),
                      not attnotnull or exists (
                          select from pg_constraint where conrelid = attrelid and contype = 'n' and not convalidated
                          and conkey = array[attnum])
               from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped order by attnum""",
            (oid,),
        )
        columns = tuple(_column(schema, name, *row) for row in cursor.fetchall())
        # Expressions and predicates have no counterpart; such an index only speeds up queries on the source.
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
        raise StorelineError(f"{schema}.{name} has no primary key: add one, the copy needs to tell rows apart")
    if sum(table.column(c).type.key_bytes for c in key) > MAX_KEY_BYTES:
        raise StorelineError(f"{schema}.{name}: its primary key ({', '.join(key)}) is too long for MySQL")
    return _fitting(table)


def describe_all(connection: Connection, schema: str, names: Iterable[str]) -> list[SourceTable]:
    """Return what the catalogue says about several tables. Raises StorelineError with every problem found."""
    tables, problems = [], []
    for name in names:
        try:
            tables.append(describe(connection, schema, name))
        except StorelineError as error:
            problems.append(str(error))
    if problems:
        raise StorelineError("; ".join(problems))
    return tables


def _fitting(table: SourceTable) -> SourceTable:
    """Return the table with as many of its texts as LONGTEXT as MySQL's row limit requires, the longest first.

    Raises StorelineError when the rest, including the columns of keys and indexes, is still too long.
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
    raise StorelineError(f"{table.schema}.{table.name}: its rows are longer than MySQL's {MAX_ROW_BYTES} bytes")


def _row_bytes(columns: Collection[SourceColumn]) -> int:
    """Return MySQL's size of a row, which includes a bit for each null and two bytes for a text's length."""
    return sum(column.type.row_bytes for column in columns) + len(columns) // 8 + 1


def _column(schema: str, table: str, name: str, declared: str, is_nullable: bool) -> SourceColumn:
    try:
        return SourceColumn(name, is_nullable, contract(declared))
    except UnknownType:
        raise StorelineError(f"{schema}.{table}.{name}: the copy does not support the type {declared}") from None


def quoted(connection: Connection, schema: str, name: str) -> str:
    """Return a table's quoted name in PostgreSQL."""
    return f"{quote_ident(schema, connection)}.{quote_ident(name, connection)}"
