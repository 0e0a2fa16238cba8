"""The replica's lock as the stream takes it: batch by batch, and waiting for as long as another job holds it."""

import time
from contextlib import suppress
from typing import Any

from mysql.connector import Error as DriverError

from storeline.errors import StorelineError
from storeline.replica import bases
from storeline.stores import mysql, mysql_locks, mysql_sessions

SECONDS_FOR_THE_LOCK = 1
SECONDS_BETWEEN_WORDS = 60


class ReplicaLock:
    """The lock of a session. `is_waiting` tells whether another one has it; `is_ending` ends the wait."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.is_waiting = self.is_ending = False

    def take(self) -> None:
        """Take the lock, however long that takes; say so once a minute. Raises StorelineError when it must end."""
        began = said_at = time.monotonic()
        self.is_waiting = True
        while mysql.ask(self.connection, "select get_lock(%s, %s)", (bases.LOCK, SECONDS_FOR_THE_LOCK)) != [(1,)]:
            if self.is_ending:
                raise StorelineError("the stream was stopped while it waited for the replica's lock")
            if time.monotonic() - said_at >= SECONDS_BETWEEN_WORDS:
                said_at = time.monotonic()
                number = mysql_locks.holder(self.connection, bases.LOCK)
                who = mysql_sessions.describe_connection(self.connection, number)
                print(f"stream_changes: waiting for {who} for {said_at - began:.0f} s so far", flush=True)
        self.is_waiting = False

    def free(self) -> None:
        """Release the lock."""
        with suppress(DriverError):
            mysql_locks.release(self.connection, bases.LOCK)
