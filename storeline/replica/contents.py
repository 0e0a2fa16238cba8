"""A table's contents as a number of rows and one sum that each database computes from its own values."""

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline.replica.source import SourceTable, quoted
from storeline.stores import mysql

ROW_HASH_DIGITS = 15  # 60 bits of each row's SHA-256: their sum over 10^9 rows still fits a DECIMAL exactly


def source_query(connection: Connection, table: SourceTable) -> str:
    """Return PostgreSQL's query for (number of rows, sum of the rows' hashes)."""
    texts = [c.type.postgres_text.format(c=quote_ident(c.name, connection)) for c in table.columns]
    row = " || '|' || ".join(f"coalesce({text}, 'N')" for text in texts)
    digits = f"left(encode(sha256(convert_to({row}, 'UTF8')), 'hex'), {ROW_HASH_DIGITS})"
    hashed = f"('x' || {digits})::bit({ROW_HASH_DIGITS * 4})::bigint"
    return f"select count(*), coalesce(sum({hashed}), 0)::text from {quoted(connection, table.schema, table.name)}"


def target_query(table: SourceTable, target: str) -> str:
    """Return MySQL's query for (number of rows, sum of the rows' hashes)."""
    texts = [c.type.mysql_text.format(c=mysql.quote(c.name)) for c in table.columns]
    row = "concat_ws('|', " + ", ".join(f"coalesce({text}, 'N')" for text in texts) + ")"
    hashed = f"cast(conv(left(sha2({row}, 256), {ROW_HASH_DIGITS}), 16, 10) as unsigned)"
    return f"select count(*), cast(coalesce(sum({hashed}), 0) as char) from {target}"
