"""A run of the stream in MySQL: each batch's whole transactions and their position in one transaction, under the lock.

The connection that writes holds the replica's lock while it does, so no copy and no build of the marts sees half of it.
A transaction that is too large for memory is written in parts, and committed once its end has arrived.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mysql.connector import Error as DriverError
from psycopg2.extensions import connection as Connection

from storeline.changes import position, starting_point
from storeline.changes.folding import Folding
from storeline.changes.lock import ReplicaLock
from storeline.changes.messages import Begin, Change, End, Message, Said, read_all
from storeline.changes.position import Position
from storeline.changes.transactions import Transactions, Whole
from storeline.changes.visibility import widen
from storeline.changes.writing import write
from storeline.errors import StorelineError
from storeline.stores import mysql, mysql_sessions
from storeline.stores.kafka_topics import TopicState

ATTRIBUTE = "storeline_stream"  # of the session, with its run, so that a successor can end it
MOST_OPEN_BYTES = 16 << 20  # of an open transaction's messages that are kept in memory
Topic = Callable[[Position], TopicState]  # the topic, after a check that a position can be resumed in it


class MovedError(StorelineError):
    """A copy has replaced the replica: the stream continues from another position."""


class Applying:
    """The session of a run that may write. `applied` counts the changes that it has committed."""

    def __init__(self, target: mysql.Login, source: Connection, run_id: str) -> None:
        """Open the session. Raises MysqlError."""
        self.connection: Any = target.connect(allow_local_infile=True, conn_attrs={ATTRIBUTE: run_id})
        self.source, self.run_id = source, run_id
        self.position = Position()
        self.replica: starting_point.Replica | None = None
        self.transactions = Transactions(0, self.is_held)
        self.written = 0  # changes of the open transaction that are written, but not committed
        self.read_to = 0  # the next offset to take
        self.taken_at = time.monotonic()
        self.lock = ReplicaLock(self.connection)
        self.applied = 0
        self.turn = threading.Lock()  # held while a batch is applied, by Spark's thread

    def close(self) -> None:
        """End the session once a batch in progress has ended; what is not committed is rolled back."""
        self.lock.is_ending = True
        with self.turn, suppress(DriverError):
            self.connection.close()

    def end_predecessors(self) -> list[str]:
        """End the sessions of earlier runs; return their runs."""
        others = mysql_sessions.sessions_with(self.connection, ATTRIBUTE)
        for number in others:
            mysql_sessions.kill(self.connection, number)
        return sorted(others.values())

    def begin(self, topic: Topic, is_again: bool = False) -> None:
        """Become the run that may write, and continue from the copy that the replica holds; wait for one in progress.

        A run that begins again (`is_again`) must still be that run. Raises CopyNeededError when the stream cannot
        continue from that copy, and StorelineError.
        """
        self.lock.take()
        try:
            become = position.claim if is_again else position.begin
            self.position = become(self.connection, self.run_id)
            starting_point.check_captured(self.source)
            held = starting_point.held(self.connection)
            self.replica = starting_point.look(self.connection, self.source, held)
            if held.run_id == self.position.base_run_id:
                topic(self.position)
            else:
                self.store(position.after_copy(self.position, held, topic(Position())))
        finally:
            self.lock.free()
        self.transactions = Transactions(self.position.last_end, self.is_held)
        self.read_to = self.position.next_offset

    def is_held(self, transaction: int) -> bool:
        """Tell whether the copy holds a transaction."""
        wide = widen(transaction, self.position.last_transaction)
        return self.replica is not None and self.replica.visible.sees(wide)

    def take(self, messages: Iterable[Message]) -> None:
        """Apply the whole transactions that end in these messages; what remains open is kept.

        Raises MovedError, CopyNeededError, StorelineError, and errors of both databases; the session must then be
        closed, and the next one continues from its position.
        """
        with self.turn:
            said, failure = read_all(one for one in messages if one.offset >= self.read_to)
            if said:
                self.apply(said)
            if failure:
                raise failure

    def apply(self, said: list[Said]) -> None:
        """Apply what messages say."""
        if not self.written:
            self.lock.take()
        self.check_base()
        whole = self.put_together([what for _, what in said if what is not None])
        self.read_to = said[-1][0] + 1
        self.finish(whole)
        self.taken_at = time.monotonic()
        if not self.written:
            self.lock.free()

    def check_base(self) -> None:
        """Raise MovedError when a copy has replaced the replica, and CopyNeededError when the slot is another one."""
        now = starting_point.held(self.connection)
        if self.replica is None or now.run_id != self.replica.base.run_id:
            raise MovedError("a copy has replaced the replica")
        # After the messages were read: those of another slot are not applied.
        starting_point.check_slot(self.source, now)

    def put_together(self, said: Sequence[Begin | Change | End]) -> list[Whole]:
        """Return the transactions that end, in order; one that is too large for memory is written along the way."""
        whole: list[Whole] = []
        for one in said:
            before = self.transactions.open
            ended = self.transactions.take(one)
            if self.written and before is not None and self.transactions.open is not before:
                is_its_end = ended is not None and ended.end.transaction == before.transaction
                self.end_large(ended if is_its_end else None)
                ended = None if is_its_end else ended
            if ended is not None:
                whole.append(ended)
            now = self.transactions.open
            if now is not None and now.size >= MOST_OPEN_BYTES:
                self.finish(whole)
                whole = []
                part = now.part()
                self.write(part)
                self.written += len(part)
        return whole

    def end_large(self, ended: Whole | None) -> None:
        """Commit the transaction whose first parts are written, or undo them if it is a repeat or is sent again."""
        written, self.written = self.written, 0
        if ended is None or ended.is_skipped:
            self.connection.rollback()
        if ended is not None:
            self.write(ended.changes)
            changes = 0 if ended.is_skipped else written + len(ended.changes)
            self.store(self.after([ended], ended.end.offset + 1, changes))

    def finish(self, whole: list[Whole]) -> None:
        """Write whole transactions and commit them with the position, unless a large one is written only in part."""
        if self.written:
            return
        changes = [change for one in whole for change in one.changes]
        self.write(changes)
        end = whole[-1].end.offset + 1 if whole else self.position.next_offset
        if self.transactions.open is None:
            end = max(end, self.read_to)
        if end > self.position.next_offset:
            self.store(self.after(whole, end, len(changes)))

    def after(self, whole: list[Whole], next_offset: int, changes: int) -> Position:
        """Return the position after some transactions, of which `changes` had to be applied."""
        self.applied += changes
        last = self.position.last_transaction
        for one in whole:
            last = max(last, widen(one.end.transaction, last))
        new = replace(
            self.position,
            next_offset=next_offset,
            last_transaction=last,
            last_end=self.transactions.last_end,
            changes=self.position.changes + changes,
        )
        return replace(new, committed_at=position.moment(whole[-1].end.milliseconds)) if whole else new

    def write(self, changes: list[Change]) -> None:
        """Write changes without committing them."""
        if changes and self.replica is not None:
            folding = Folding(self.replica.tables, self.replica.placeholder)
            folding.add(changes)
            self.fence()
            for changed in folding.changed.values():
                write(self.connection, changed)

    def store(self, new: Position) -> None:
        """Commit what is written together with its position."""
        self.fence()
        position.advance(self.connection, new)
        self.connection.commit()
        self.position = new

    def fence(self) -> None:
        """Begin a transaction, if none has begun. Raises StorelineError unless this run may continue from here."""
        if not self.connection.in_transaction:
            self.connection.start_transaction()
            position.fence(self.connection, self.run_id, self.position)
