"""How a copy catches up: its staged tables get what the stream has applied to the live ones since the copy's snapshot.

So the stream need not wait for a copy, and readers never see the replica go back to an earlier state.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extensions import connection as Connection

from storeline.changes import position, starting_point
from storeline.changes.copied_tables import CopiedTables
from storeline.changes.messages import PARTITION, Change, Message, read_all
from storeline.changes.position import Position
from storeline.changes.starting_point import Replica
from storeline.changes.visibility import Visibility
from storeline.errors import StorelineError
from storeline.generation import REPLICA
from storeline.replica.bases import Base
from storeline.replica.source import SourceTable
from storeline.settings import Settings
from storeline.stores import kafka, mysql, mysql_swap
from storeline.topics import CHANGES

# What is held in memory: so many messages, or so many bytes and one message.
MESSAGES_AT_ONCE = 5_000
BYTES_AT_ONCE = 16 << 20
FEW_MESSAGES = 2_000  # that may be left for the time in which the replica's lock is held


class StagedTables(CopiedTables):
    """Staging tables of a copy; `touched` are those that were written."""

    def __init__(self, connection: Any, replica: Replica, staging: Mapping[str, str]) -> None:
        super().__init__(connection)
        self.replica, self.staging = replica, staging
        self.touched: set[str] = set()

    def store(self, new: Position) -> None:
        """Commit what is written; the position is stored with the swap."""
        self.connection.commit()
        self.position = new

    def fence(self) -> None:
        """Begin a transaction, if none has begun."""
        if not self.connection.in_transaction:
            self.connection.start_transaction()

    def name_of(self, table: str) -> str:
        """Return the quoted name of a staging table."""
        return REPLICA.staged(self.staging[table])

    def write(self, changes: list[Change]) -> None:
        """Write changes without committing them."""
        self.touched |= {change.table for change in changes}
        super().write(changes)


@dataclass
class CatchingUp:
    """The staged tables of a copy, and where the stream was before the copy's snapshot."""

    settings: Settings
    base: Base
    source: Connection
    tables: Collection[SourceTable]
    staging: Mapping[str, str]
    before: Position | None
    staged: StagedTables | None = field(default=None, init=False)

    def roughly(self, target: Any) -> None:
        """Catch up while the stream goes on, until little is left. Raises StorelineError, and errors of MySQL."""
        while (now := self._reached(target)) and now.next_offset - self._staged(now).read_to > FEW_MESSAGES:
            self._apply_until(now)

    def finish(self, target: Any) -> None:
        """Catch up with the stream; `target` holds the replica's lock until the copy is live.

        Raises StorelineError, and errors of MySQL.
        """
        if now := self._reached(target):
            self._apply_until(now)
            for name in sorted(self._staged(now).touched):
                # Those who began to read earlier would see a part of what was written since the load.
                mysql_swap.mark_loaded(target, REPLICA.staged(self.staging[name]))
            position.mark_caught_up(target, self.base.run_id)

    def close(self) -> None:
        """End the session that writes."""
        if self.staged:
            self.staged.connection.close()

    def _reached(self, target: Any) -> Position | None:
        """Return where the stream is; None when it has applied nothing that the copy's snapshot may lack."""
        now, seen = position.stored(target), self.base.capture
        if now is None or now == self.before or now.topic_id != (seen.topic_id or now.topic_id):
            return None
        if seen.next_offset is None:
            raise StorelineError(
                "the stream of changes went on during the copy, which did not reach Kafka when it began: "
                "run it again; the replica is unchanged"
            )
        return now if now.next_offset > seen.next_offset else None

    def _staged(self, now: Position) -> StagedTables:
        if self.staged is None:
            seen, visible = self.base.capture, Visibility.of(self.base.snapshot)
            placeholder = starting_point.check_slot(self.source, self.base)
            connection = mysql.replicator(self.settings).connect(allow_local_infile=True)
            replica = Replica(self.base, visible, placeholder, tuple(self.tables))
            self.staged = StagedTables(connection, replica, self.staging)
            self.staged.continue_from(Position(self.base.run_id, now.topic_id, seen.next_offset or 0, 0, visible.xmax))
        return self.staged

    def _apply_until(self, now: Position) -> None:
        """Apply everything before the stream's position, which lies between two transactions."""
        staged = self._staged(now)
        if staged.read_to >= now.next_offset:
            return
        found = kafka.messages(self.settings, CHANGES.name, PARTITION, staged.read_to, now.next_offset)
        for block in _blocks(Message(one.offset, one.value) for one in found):
            said, failure = read_all(block)
            if said:
                staged.apply(said)
            if failure:
                raise failure
        if staged.written or staged.transactions.open:
            raise StorelineError(f"{CHANGES.name} ends before the stream's position; the replica is unchanged")


def _blocks(messages: Iterable[Message]) -> Iterator[list[Message]]:
    block, size = list[Message](), 0
    for one in messages:
        block.append(one)
        size += len(one.value or b"")
        if len(block) == MESSAGES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield block
            block, size = [], 0
    if block:
        yield block
