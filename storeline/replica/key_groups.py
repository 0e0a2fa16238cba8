"""A table in groups of keys, in PostgreSQL and in MySQL: each group's contents, and the rows of a few groups.

A group is a part of the hash of the key, so both sides divide their rows in the same way, whatever the key.
PostgreSQL's lines come through COPY, MySQL rebuilds its own.
"""

import re
from collections.abc import Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica.contents import Contents, hash_of, hash_of_line, line_of
from storeline.replica.source import SourceColumn, SourceTable
from storeline.replica.transfer import copy_rows
from storeline.stores import mysql

# Hexadecimal digits of the key's SHA-256: 4,096 groups. MySQL 9.6 and later has MD5 only as a component.
GROUP_DIGITS = 3
GROUPS = 16**GROUP_DIGITS
LISTED = re.compile(rb'([01]),("(?:[^"]|"")*"),(.*)', re.DOTALL)
Row = tuple[bool, str]  # whether the source has changed it since the copy, and its line


def source_groups(source: Connection, table: SourceTable) -> dict[int, Contents]:
    """Return the contents of each group of keys in the snapshot."""
    found: dict[int, list[int]] = {}

    class Groups:
        def write(self, line: bytes) -> int:
            group, _, rest = line.partition(b",")
            counted = found.setdefault(int(group), [0, 0])
            counted[0] += 1
            counted[1] += hash_of(rest)
            return len(line)

    _copy(source, copy_rows(source, table, "true", f"{_group_in_postgres(source, table)}, "), Groups())
    return {group: Contents(*counted) for group, counted in found.items()}


def target_groups(target: Any, table: SourceTable) -> dict[int, Contents]:
    """Return the contents of each group of keys in the replica."""
    query = f"""select {_group_in_mysql(table)} as key_group, count(*), cast(sum({hash_of_line(table)}) as char)
                from {REPLICA.published_name(table.name)} group by key_group"""
    return {int(group): Contents(int(rows), int(total)) for group, rows, total in mysql.ask(target, query)}


def list_source(source: Connection, table: SourceTable, groups: Sequence[int], snapshot: str) -> dict[str, Row]:
    """Return the source's rows of some groups by their keys; `snapshot` is that of the copy."""
    found: dict[str, Row] = {}

    class Rows:
        def write(self, line: bytes) -> int:
            match = LISTED.fullmatch(line)
            if match is None:
                raise StorelineError(f"{table.name}: PostgreSQL sent a line that cannot be read: {line[:40]!r}")
            key = match[2].decode()[1:-1].replace('""', '"')
            found[key] = (match[1] == b"1", match[3].decode())
            return len(line)

    newer = _is_newer(source, snapshot)
    before = f'({newer})::int as "storeline newer", {key_in_postgres(source, table)} as "storeline key", '
    condition = f"{_group_in_postgres(source, table)} in ({', '.join(map(str, groups))})"
    _copy(source, copy_rows(source, table, condition, before, ('"storeline key"',)), Rows())
    return found


def list_target(target: Any, table: SourceTable, groups: Sequence[int]) -> dict[str, str]:
    """Return the replica's lines of some groups by their keys."""
    query = f"""select {_key_in_mysql(table)}, {line_of(table)} from {REPLICA.published_name(table.name)}
                where {_group_in_mysql(table)} in ({", ".join(map(str, groups))})"""
    return dict(mysql.ask(target, query))


def _copy(source: Connection, copy: str, into: Any) -> None:
    """Run a COPY into an object whose `write` is called once for each row."""
    with source.cursor() as cursor:
        cursor.copy_expert(copy, into)


def _keys(table: SourceTable) -> list[SourceColumn]:
    return [table.column(name) for name in table.key]


def key_in_postgres(source: Connection, table: SourceTable) -> str:
    """Return PostgreSQL's expression for a row's key as text."""
    texts = []
    for column in _keys(table):
        name = quote_ident(column.name, source)
        quoted_text = f"""'"' || replace({name}, '"', '""') || '"'"""
        texts.append(quoted_text if column.type.is_text else f"({column.type.sent.format(c=name)})::text")
    return f"concat_ws(',', {', '.join(texts)})"


def _key_in_mysql(table: SourceTable) -> str:
    return f"concat_ws(',', {', '.join(c.type.stored.format(c=mysql.quote(c.name)) for c in _keys(table))})"


def _group_in_postgres(source: Connection, table: SourceTable) -> str:
    digest = f"encode(sha256(convert_to({key_in_postgres(source, table)}, 'UTF8')), 'hex')"
    return f"('x' || left({digest}, {GROUP_DIGITS}))::bit({4 * GROUP_DIGITS})::int"


def _group_in_mysql(table: SourceTable) -> str:
    return f"cast(conv(left(sha2({_key_in_mysql(table)}, 256), {GROUP_DIGITS}), 16, 10) as unsigned)"


def _is_newer(source: Connection, snapshot: str) -> str:
    """Return PostgreSQL's condition for a row that was written after a copy's snapshot.

    A row's `xmin` has 32 bits; it is completed by the current epoch, or the one before.
    """
    now = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    completed = f"{now} / 4294967296 * 4294967296 + xmin::text::bigint"
    full = f"({completed} - case when {completed} > {now} then 4294967296 else 0 end)::text::xid8"
    literal = sql.Literal(snapshot).as_string(source)
    return f"not pg_visible_in_snapshot({full}, {literal}::pg_snapshot)"
