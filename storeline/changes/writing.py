"""Write folded changes into a copy's tables, inside the caller's transaction.

Rows that keep values are completed from the replica before anything is deleted. Rows that are gone are deleted before
others are written, and REPLACE lets two rows exchange a unique value. MySQL's warnings are refused like its errors:
LOAD DATA turns some errors into warnings and changes the value.
"""

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

from mysql.connector import DataError, IntegrityError

from storeline.changes.folding import Key, NewRow, TableChanges
from storeline.changes.messages import COPY_HELPS, CopyNeededError
from storeline.errors import one_line
from storeline.replica import transfer
from storeline.replica.chunk import PIPE_PATH, load_from
from storeline.replica.source import SourceTable
from storeline.stores import mysql

KEYS_AT_ONCE = 1000  # in one statement
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def write(connection: Any, changes: TableChanges, into: str) -> None:
    """Write a table's changes into the table of a quoted name.

    Raises CopyNeededError when it cannot take them, and MySQL's errors.
    """
    table = changes.table
    rows = {key: row for key, row in changes.rows.items() if row is not None}
    completed = _completed(connection, table, into, rows)
    if changes.is_emptied:
        mysql.do(connection, f"delete from {into}")
    else:
        for condition in _conditions(table, [key for key, row in changes.rows.items() if row is None]):
            mysql.do(connection, f"delete from {into} where {condition}")
    _load(connection, table, into, completed)


def _completed(connection: Any, table: SourceTable, into: str, rows: dict[Key, NewRow]) -> list[str]:
    """Return the line of each row, completed with the values that it keeps from the replica."""
    origins = sorted({row.origin for row in rows.values() if row.origin is not None})
    kept = _read(connection, table, into, origins) if origins else {}
    names, lines = [column.name for column in table.columns], []
    for key, row in rows.items():
        texts = row.texts
        if row.origin is not None:
            if row.origin not in kept:
                shown = ", ".join(key)
                raise CopyNeededError(
                    f"{table.name}: a change of the row ({shown}), which the replica lacks: {COPY_HELPS}"
                )
            texts = kept[row.origin] | texts
        lines.append(",".join([texts[name] for name in names]) + "\n")
    return lines


def _read(connection: Any, table: SourceTable, into: str, keys: Sequence[Key]) -> dict[Key, dict[str, str]]:
    """Return the texts of the replica's rows, by key."""
    names = [column.name for column in table.columns]
    texts = [transfer.value_or_null(column) for column in table.columns]
    found = {}
    for condition in _conditions(table, keys):
        for values in mysql.ask(connection, f"select {', '.join(texts)} from {into} where {condition}"):
            row = {name: bytes(value).decode() for name, value in zip(names, values, strict=True)}
            found[tuple(row[name] for name in table.key)] = row
    return found


def _conditions(table: SourceTable, keys: Sequence[Key]) -> Iterator[str]:
    """Yield conditions that together are met by the rows with these keys."""
    names = ", ".join(mysql.quote(name) for name in table.key)
    for first in range(0, len(keys), KEYS_AT_ONCE):
        values = (f"({', '.join(map(_literal, key))})" for key in keys[first : first + KEYS_AT_ONCE])
        yield f"({names}) in ({', '.join(values)})"


def _literal(text: str) -> str:
    """Return a sent text as MySQL's literal; a number stays a number, so that MySQL can use the index."""
    if text.startswith('"'):
        return mysql.literal(text[1:-1].replace('""', '"'))
    return text if NUMBER.fullmatch(text) else mysql.literal(text)


def _load(connection: Any, table: SourceTable, into: str, lines: list[str]) -> None:
    if not lines:
        return
    read_end, write_end = os.pipe()
    sender = threading.Thread(target=_send, args=(os.fdopen(write_end, "wb"), lines), daemon=True)
    sender.start()
    try:
        statement = transfer.load_statement(table, into, PIPE_PATH, replaces=True)
        rows, warnings = load_from(connection, statement, read_end)
    except (DataError, IntegrityError) as error:
        rows, warnings = 0, [one_line(error)]
    finally:
        os.close(read_end)
        sender.join()
    # A row that replaces another one counts twice.
    if warnings or rows < len(lines):
        said = "; ".join(warnings) or f"{rows} of {len(lines)} rows"
        raise CopyNeededError(f"{table.name}: MySQL did not take the changes unchanged ({said}): {COPY_HELPS}")


def _send(pipe: IO[bytes], lines: list[str]) -> None:
    # This ends when the reader is gone; the reader's own error says why.
    with suppress(BrokenPipeError), pipe:
        pipe.write("".join(lines).encode())
