"""What a message of the topic of changes says, as Debezium writes it: JSON without a schema, the whole envelope.

A message that cannot be read ends in one line that says where it is, whatever its bytes.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from storeline.errors import StorelineError
from storeline.topics import CHANGES

PARTITION = 0  # the topic has one, which keeps the order of the commits
CREATE, UPDATE, DELETE, TRUNCATE = "c", "u", "d", "t"
COPY_HELPS = "run replicate_postgres_to_mysql, and the stream continues from that copy"
Row = dict[str, Any]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Message(NamedTuple):
    """A message as Kafka has it."""

    offset: int
    value: bytes | None


class Change(NamedTuple):
    """A row that was changed, or a table that was emptied. `order` is its number within its transaction, from 1."""

    offset: int
    transaction: int  # 32 bits, as PostgreSQL's log has it
    order: int
    schema: str
    table: str
    operation: str
    before: Row | None
    after: Row | None
    size: int  # bytes of the message


class Begin(NamedTuple):
    """A transaction begins; its changes follow, with none of another transaction between them."""

    offset: int
    transaction: int


class End(NamedTuple):
    """A transaction ends: the number of its changes, its position in PostgreSQL's log, when it was committed."""

    offset: int
    transaction: int
    changes: int
    position: int
    milliseconds: int  # since 1970


Said = tuple[int, Begin | Change | End | None]  # a message's offset, and what it says


class Source(msgspec.Struct):
    """Where a change comes from."""

    schema: str
    table: str


class Membership(msgspec.Struct):
    """Which transaction a change belongs to, and as which of its changes."""

    id: str
    total_order: Count


class Envelope(msgspec.Struct):
    """What is read of a message: a marker has a status, a change has an operation. The rest is skipped."""

    status: Literal["BEGIN", "END"] | None = None
    id: str = ""
    event_count: Count | None = None
    ts_ms: Count | None = None
    op: Literal["c", "u", "d", "t"] | None = None
    source: Source | None = None
    transaction: Membership | None = None
    before: Row | None = None
    after: Row | None = None


READER = msgspec.json.Decoder(Envelope)


class CopyNeededError(StorelineError):
    """The stream cannot continue from here, but can from a new copy; until then nothing is skipped."""


def place(offset: int) -> str:
    """Return where a message is."""
    return f"{CHANGES.name}[{PARTITION}] offset {offset}"


def read(message: Message) -> Begin | Change | End | None:
    """Return what a message says, None for an empty one. Raises CopyNeededError with its place."""
    if message.value is None:
        return None
    try:
        found = READER.decode(message.value)
        return _marker(message.offset, found) if found.status else _change(message, found)
    except Exception as error:  # whatever the bytes are, the line says where they are
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200].encode(errors="replace").decode()
        raise CopyNeededError(
            f"{place(message.offset)} is not a change as Debezium writes it ({said}): {COPY_HELPS}"
        ) from None


def read_all(messages: Iterable[Message]) -> tuple[list[Said], CopyNeededError | None]:
    """Return what messages say, up to the first one that cannot be read, and what is wrong with that one."""
    said: list[Said] = []
    try:
        for one in messages:
            said.append((one.offset, read(one)))
    except CopyNeededError as error:
        return said, error
    return said, None


def _marker(offset: int, found: Envelope) -> Begin | End:
    transaction, _, position = found.id.partition(":")
    if found.status == "BEGIN":
        return Begin(offset, _whole(transaction))
    if found.event_count is None or found.ts_ms is None:
        raise ValueError("END: expected a count and a time")
    return End(offset, _whole(transaction), found.event_count, _whole(position), found.ts_ms)


def _change(message: Message, found: Envelope) -> Change:
    if found.op is None or found.source is None or found.transaction is None:
        raise ValueError("expected an operation, a source and a transaction")
    row = found.before if found.op == DELETE else found.after
    if found.op != TRUNCATE and row is None:
        raise ValueError(f"op {found.op}: expected a row")
    return Change(
        message.offset,
        _whole(found.transaction.id.partition(":")[0]),
        found.transaction.total_order,
        found.source.schema,
        found.source.table,
        found.op,
        found.before,
        found.after,
        len(message.value or b""),
    )


def _whole(text: str) -> int:
    """Return a number of an id such as `766:25158088`: a transaction, and a position in the log."""
    number = int(text)
    if not 0 <= number < 1 << 63:
        raise ValueError("expected a whole number")
    return number
