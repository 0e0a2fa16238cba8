"""One task of the copy: a range of a table, piped from PostgreSQL's COPY into MySQL's LOAD DATA."""

import io
import os
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import IO, Any

from mysql.connector import IntegrityError

from storeline.stores import mysql, postgres

PIPE_PATH = "{pipe}"
WRITE_BYTES = 1 << 20
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
    rows: int
    bytes: int
    ended_at: float


@dataclass(frozen=True)
class Refused:
    """Why the rows of a range are refused; a retry would not help."""

    message: str


class CountingPipe(io.RawIOBase):
    """The write end of a pipe, which counts the bytes written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor, self.bytes = descriptor, 0

    def writable(self) -> bool:
        """Say that this is the write end."""
        return True

    def write(self, data: Any) -> int:
        """Write a block; may write less than asked, like a pipe."""
        written = os.write(self.descriptor, data)
        self.bytes += written
        return written

    def close(self) -> None:
        """Close the descriptor, which signals the end to the reader."""
        if not self.closed:
            super().close()
            os.close(self.descriptor)


class Sender(threading.Thread):
    """Runs a COPY into a pipe; `rows` and `error` are set when it has ended."""

    def __init__(self, connection: Any, copy: str, pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.connection, self.copy, self.pipe = connection, copy, pipe
        self.rows, self.error = -1, None

    error: Exception | None

    def run(self) -> None:
        """Copy until the end of the range, or until the reader is gone."""
        try:
            with self.connection.cursor() as cursor:
                cursor.copy_expert(self.copy, self.pipe)
                self.rows = cursor.rowcount
        except Exception as error:
            self.error = error
        finally:
            # A flush into a pipe without a reader fails; the reader's own error says why.
            with suppress(BrokenPipeError):
                self.pipe.close()


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
            mysql.do(writing, "insert into ops.run_chunks values (%s, %s, %s, 0, 0)", where)
        except IntegrityError:
            writing.rollback()
            return _done_before(writing, chunk)
        sent, rows, warnings = _pump(reading, writing, chunk)
        if sent.error is not None:
            raise sent.error
        if rows != sent.rows or warnings:
            writing.rollback()
            return Refused(_what_was_lost(chunk, sent.rows, rows, warnings))
        sent_bytes = sent.pipe.raw.bytes  # type: ignore[attr-defined]
        mysql.do(
            writing,
            "update ops.run_chunks set row_count = %s, byte_count = %s "
            "where run_id = %s and table_name = %s and chunk = %s",
            (rows, sent_bytes, *where),
        )
        writing.commit()
    return Loaded(chunk.table, rows, sent_bytes, time.time())


def _pump(reading: Any, writing: Any, chunk: Chunk) -> tuple[Sender, int, list[str]]:
    """Send and load at the same time; return the finished sender, the rows affected and MySQL's warnings."""
    read_end, write_end = os.pipe()
    sender = Sender(reading, chunk.copy, io.BufferedWriter(CountingPipe(write_end), WRITE_BYTES))
    sender.start()
    try:
        with closing(writing.cursor()) as cursor:
            cursor.execute(chunk.load.replace(PIPE_PATH, f"/dev/fd/{read_end}"))
            rows = int(cursor.rowcount)
            warnings = []
            if cursor.warning_count:
                cursor.execute("show warnings limit 3")
                warnings = [str(message) for _, _, message in cursor.fetchall()]
        return sender, rows, warnings
    finally:
        # After a failed load this ends a COPY that would otherwise wait for a reader forever.
        os.close(read_end)
        sender.join()


def _done_before(writing: Any, chunk: Chunk) -> Loaded:
    query = "select row_count, byte_count from ops.run_chunks where run_id = %s and table_name = %s and chunk = %s"
    rows, size = mysql.ask(writing, query, (chunk.run_id, chunk.table, chunk.number))[0]
    return Loaded(chunk.table, int(rows), int(size), time.time())


def _what_was_lost(chunk: Chunk, sent: int, rows: int, warnings: list[str]) -> str:
    said = "; ".join(warnings) or "no warning"
    return f"{chunk.table}: MySQL took {rows} of {sent} rows unchanged ({said}); the replica is unchanged"
