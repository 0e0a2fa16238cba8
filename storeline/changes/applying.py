"""A run of the stream in MySQL: each batch's whole transactions and their position in one transaction, under the lock.

The connection that writes holds the replica's lock while it does, so no copy and no build of the marts sees half of it.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from mysql.connector import Error as DriverError
from psycopg2.extensions import connection as Connection

from storeline.changes import position, starting_point
from storeline.changes.copied_tables import CopiedTables
from storeline.changes.lock import ReplicaLock
from storeline.changes.messages import Message, Said, read_all
from storeline.changes.position import Position
from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.stores import mysql, mysql_sessions
from storeline.stores.kafka_topics import TopicState

ATTRIBUTE = "storeline_stream"  # of the session, with its run, so that a successor can end it
Topic = Callable[[Position], TopicState]  # the topic, after a check that a position can be resumed in it


class MovedError(StorelineError):
    """A copy has replaced the replica: the stream continues from another position."""


class Applying(CopiedTables):
    """The session of a run that may write."""

    def __init__(self, target: mysql.Login, source: Connection, run_id: str) -> None:
        """Open the session. Raises MysqlError."""
        super().__init__(target.connect(allow_local_infile=True, conn_attrs={ATTRIBUTE: run_id}))
        self.source, self.run_id = source, run_id
        self.taken_at = time.monotonic()
        self.lock = ReplicaLock(self.connection)
        self.turn = threading.Lock()  # held while a batch is applied, by a thread of its own

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
        """Become the run that may write, and continue from the copy that the replica holds.

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
            elif position.is_caught_up(self.connection, held.run_id):
                topic(self.position)
                self.store(replace(self.position, base_run_id=held.run_id))
            else:
                self.store(position.after_copy(self.position, held, topic(Position())))
        finally:
            self.lock.free()
        self.continue_from(self.position)

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
        """Apply what messages say, under the lock. Raises MovedError."""
        if not self.written:
            self.lock.take()
        self.check_base()
        super().apply(said)
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

    def name_of(self, table: str) -> str:
        """Return the quoted name of a table of the live replica."""
        return REPLICA.published_name(table)
