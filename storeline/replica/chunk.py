"""One task of the copy: a range of a table, piped from PostgreSQL's COPY into MySQL's LOAD DATA."""

import os
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, Any

from mysql.connector import IntegrityError

from storeline.replica.contents import Contents, hash_of_all
from storeline.stores import mysql, postgres

PIPE_PATH = "{pipe}"
WRITE_BYTES = 1 << 20
# A block of lines is at most 4 MiB and one long line.
BLOCK_LINES = 256
LONG_LINE_BYTES = 1 << 14
BEGIN = "insert into ops.run_chunks (run_id, table_name, chunk, row_count, byte_count) values (%s, %s, %s, 0, 0)"
WHERE = "where run_id = %s and table_name = %s and chunk = %s"
DONE = f"update ops.run_chunks set row_count = %s, byte_count = %s, content_hash = %s {WHERE}"
FOUND = f"select row_count, byte_count, content_hash from ops.run_chunks {WHERE}"
TWIN_WAIT_SECONDS = 600  # how long a second attempt waits for the first one's transaction


@dataclass(frozen=True)
class Chunk:
    """A task's input; plain text, so that it can be sent to any executor."""

    run_id: str
    table: str
    number: int
    source: str  # quoted name of the table in PostgreSQL
    copy: str
    load: str


@dataclass(frozen=True)
class Loaded:
    """A task's result."""

    table: str
    contents: Contents
    bytes: int
    ended_at: float


@dataclass(frozen=True)
class Refused:
    """Why the rows of a range are refused; a retry would not help."""

    message: str


class Lines:
    """What COPY writes to, once for each row: counts and hashes the lines, and passes them on in blocks."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.pipe, self.bytes, self.hash = pipe, 0, 0
        self.held: list[bytes] = []

    def write(self, line: bytes) -> int:
        """Take a line; it is passed on with its block."""
        self.held.append(line)
        if len(self.held) == BLOCK_LINES or len(line) > LONG_LINE_BYTES:
            self._pass_on()
        return len(line)

    def close(self) -> None:
        """Pass on the last lines and close the pipe, which tells the reader that this was all."""
        try:
            self._pass_on()
        finally:
            self.pipe.close()

    def _pass_on(self) -> None:
        held, self.held = self.held, []
        block = b"".join(held)
        self.hash ^= hash_of_all(held)
        self.bytes += len(block)
        self.pipe.write(block)


class Sender(threading.Thread):
    """Runs a COPY into a pipe; `rows` and `error` are set when it has ended."""

    def __init__(self, connection: Any, copy: str, lines: Lines) -> None:
        super().__init__(daemon=True)
        self.connection, self.copy, self.lines = connection, copy, lines
        self.rows, self.error = -1, None

    error: Exception | None

    def run(self) -> None:
        """Copy until the end of the range, or until the reader is gone."""
        try:
            with self.connection.cursor() as cursor:
                cursor.copy_expert(self.copy, self.lines)
                self.rows = cursor.rowcount
        except Exception as error:
            self.error = error
        finally:
            # A flush into a pipe without a reader fails; the reader's own error says why.
            with suppress(BrokenPipeError):
                self.lines.close()


def copy_chunk(chunk: Chunk, source: postgres.Login, target: mysql.Login, snapshot: str) -> Loaded | Refused:
    """Load one range and its row in the ledger in one transaction.

    A second attempt waits for the first one's transaction and finds the range done. Raises errors that may pass (a
    server that restarts); returns Refused for those that would recur.
    """
    with closing(postgres.endless(source)) as reading, closing(target.connect(allow_local_infile=True)) as writing:
        postgres.import_snapshot(reading, snapshot)
        with reading.cursor() as cursor:
            # NOWAIT: behind an ALTER TABLE that waits for the driver's own lock this would wait forever.
            cursor.execute(f"lock table {chunk.source} in access share mode nowait")
        mysql.do(writing, f"set session innodb_lock_wait_timeout = {TWIN_WAIT_SECONDS}")
        writing.start_transaction()
        where = (chunk.run_id, chunk.table, chunk.number)
        try:
            mysql.do(writing, BEGIN, where)
        except IntegrityError:
            writing.rollback()
            return _done_before(writing, chunk)
        sent, rows, warnings = pump(reading, writing, chunk.copy, chunk.load)
        if sent.error is not None:
            raise sent.error
        if rows != sent.rows or warnings:
            writing.rollback()
            return Refused(_what_was_lost(chunk, sent.rows, rows, warnings))
        found = Contents(rows, sent.lines.hash)
        mysql.do(writing, DONE, (rows, sent.lines.bytes, found.hexadecimal, *where))
        writing.commit()
    return Loaded(chunk.table, found, sent.lines.bytes, time.time())


def pump(reading: Any, writing: Any, copy: str, load: str) -> tuple[Sender, int, list[str]]:
    """Send with a COPY and load with a LOAD DATA of PIPE_PATH at the same time.

    Returns the finished sender, the rows affected and MySQL's warnings.
    """
    read_end, write_end = os.pipe()
    sender = Sender(reading, copy, Lines(os.fdopen(write_end, "wb", WRITE_BYTES)))
    sender.start()
    try:
        return sender, *load_from(writing, load, read_end)
    finally:
        # After a failed load this ends a COPY that would otherwise wait for a reader forever.
        os.close(read_end)
        sender.join()


def load_from(writing: Any, load: str, read_end: int) -> tuple[int, list[str]]:
    """Run a LOAD DATA of PIPE_PATH that reads from a pipe; return the rows affected and MySQL's warnings."""
    with closing(writing.cursor()) as cursor:
        cursor.execute(load.replace(PIPE_PATH, f"/dev/fd/{read_end}"))
        rows = int(cursor.rowcount)
        warnings = []
        if cursor.warning_count:
            cursor.execute("show warnings limit 3")
            warnings = [str(message) for _, _, message in cursor.fetchall()]
        return rows, warnings


def _done_before(writing: Any, chunk: Chunk) -> Loaded:
    rows, size, found = mysql.ask(writing, FOUND, (chunk.run_id, chunk.table, chunk.number))[0]
    return Loaded(chunk.table, Contents.read(rows, found), int(size), time.time())


def _what_was_lost(chunk: Chunk, sent: int, rows: int, warnings: list[str]) -> str:
    said = "; ".join(warnings) or "no warning"
    return f"{chunk.table}: MySQL took {rows} of {sent} rows unchanged ({said}); the replica is unchanged"
