"""A table in groups of keys, in PostgreSQL and in MySQL: each group's contents, and the rows of a few groups.

A group is made of the bits of a key that is one whole number, otherwise of the hash of the key, so both sides divide
their rows in the same way, whatever the key. PostgreSQL's lines come through COPY, MySQL rebuilds its own.
"""

import re
from collections.abc import Sequence
from typing import Any

from psycopg2 import sql
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import quote_ident

from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica import transfer
from storeline.replica.contents import Contents, hash_of, hash_of_lines, line_of
from storeline.replica.source import SourceColumn, SourceTable
from storeline.stores import mysql

# Hexadecimal digits of the key's SHA-256: 4,096 groups. MySQL 9.6 and later has MD5 only as a component.
GROUP_DIGITS = 3
GROUP_BITS = 4 * GROUP_DIGITS
GROUPS = 1 << GROUP_BITS
LISTED = re.compile(rb'([01]),("(?:[^"]|"")*"),(.*)', re.DOTALL)
Row = tuple[bool, str]  # whether the source has changed it since the copy, and its line


def source_groups(source: Connection, table: SourceTable) -> dict[int, Contents]:
    """Return the contents of each group of keys in the snapshot."""
    rows, hashes = [0] * GROUPS, [0] * GROUPS

    class Groups:
        def write(self, line: bytes) -> int:
            number, _, rest = line.partition(b",")
            group = int(number)
            rows[group] += 1
            hashes[group] ^= hash_of(rest)
            return len(line)

    _copy(source, transfer.copy_rows(source, table, "true", f"{_group_in_postgres(source, table)}, "), Groups())
    return {group: Contents(counted, hashes[group]) for group, counted in enumerate(rows) if counted}


def target_groups(target: Any, table: SourceTable) -> dict[int, Contents]:
    """Return the contents of each group of keys in the replica."""
    query = f"""select {_group_in_mysql(table)} as key_group, count(*), {hash_of_lines(table)}
                from {REPLICA.published_name(table.name)} group by key_group"""
    return {int(group): Contents.read(*counted) for group, *counted in mysql.ask(target, query)}


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
    _copy(source, transfer.copy_rows(source, table, condition, before, ('"storeline key"',)), Rows())
    return found


def list_target(target: Any, table: SourceTable, groups: Sequence[int]) -> dict[str, str]:
    """Return the replica's lines of some groups by their keys."""
    query = f"""select {_key_in_mysql(table)}, {line_of(table)} from {REPLICA.published_name(table.name)}
                where {_group_in_mysql(table)} in ({", ".join(map(str, groups))})"""
    return {bytes(key).decode(): bytes(line).decode() for key, line in mysql.ask(target, query)}


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
    return f"concat_ws(_binary',', {', '.join(transfer.value(c) for c in _keys(table))})"


def _group_in_postgres(source: Connection, table: SourceTable) -> str:
    if name := _whole_key(table):
        return _bits(f"{quote_ident(name, source)}::bigint", "#")
    digest = f"encode(sha256(convert_to({key_in_postgres(source, table)}, 'UTF8')), 'hex')"
    return f"('x' || left({digest}, {GROUP_DIGITS}))::bit({GROUP_BITS})::int"


def _group_in_mysql(table: SourceTable) -> str:
    if name := _whole_key(table):
        return _bits(mysql.quote(name), "^")
    return f"cast(conv(left(sha2({_key_in_mysql(table)}, 256), {GROUP_DIGITS}), 16, 10) as unsigned)"


def _whole_key(table: SourceTable) -> str | None:
    """Return the name of a key that is one whole number."""
    keys = _keys(table)
    return keys[0].name if len(keys) == 1 and keys[0].type.is_whole else None


def _bits(number: str, xor: str) -> str:
    """Return an expression that folds the lower 60 bits of a number, so that no step between keys fills few groups.

    Neither the bits that PostgreSQL repeats for a sign, nor the ones that MySQL sets to zero, are among them.
    """
    folded = f" {xor} ".join(f"({number} >> {shift})" for shift in range(0, 60, GROUP_BITS))
    return f"({folded}) & {GROUPS - 1}"


def _is_newer(source: Connection, snapshot: str) -> str:
    """Return PostgreSQL's condition for a row that was written after a copy's snapshot.

    A row's `xmin` has 32 bits; it is completed by the current epoch, or the one before.
    """
    now = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    completed = f"{now} / 4294967296 * 4294967296 + xmin::text::bigint"
    full = f"({completed} - case when {completed} > {now} then 4294967296 else 0 end)::text::xid8"
    literal = sql.Literal(snapshot).as_string(source)
    return f"not pg_visible_in_snapshot({full}, {literal}::pg_snapshot)"
