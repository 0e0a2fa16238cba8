"""What a message of the topic of changes says, as Debezium writes it: JSON without a schema, the whole envelope.

A message that cannot be read ends in one line that says where it is, whatever its bytes.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from storeline.errors import StorelineError
from storeline.topics import CHANGES

PARTITION = 0  # the topic has one, which keeps the order of the commits
CREATE, UPDATE, DELETE, TRUNCATE = "c", "u", "d", "t"
OPERATIONS = {CREATE, UPDATE, DELETE, TRUNCATE}
COPY_HELPS = "run replicate_postgres_to_mysql, and the stream continues from that copy"
Row = dict[str, Any]


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
        found = json.loads(message.value.decode())
        return _marker(message.offset, found) if "status" in found else _change(message, found)
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


def _marker(offset: int, found: Any) -> Begin | End:
    transaction, position = _identity(found["id"])
    if found["status"] == "BEGIN":
        return Begin(offset, transaction)
    if found["status"] != "END":
        raise ValueError("status: expected BEGIN or END")
    return End(offset, transaction, _whole(found["event_count"]), position, _whole(found["ts_ms"]))


def _change(message: Message, found: Any) -> Change:
    operation, source, of = found["op"], found["source"], found["transaction"]
    if operation not in OPERATIONS:
        raise ValueError("op: expected one of c, u, d, t")
    before, after = found.get("before"), found.get("after")
    if type(source["schema"]) is not str or type(source["table"]) is not str:
        raise ValueError("source: expected a schema and a table")
    row = before if operation == DELETE else after
    if operation != TRUNCATE and type(row) is not dict:
        raise ValueError(f"op {operation}: expected a row")
    transaction, _ = _identity(of["id"])
    return Change(
        message.offset,
        transaction,
        _whole(of["total_order"]),
        source["schema"],
        source["table"],
        operation,
        before,
        after,
        len(message.value or b""),
    )


def _identity(text: Any) -> tuple[int, int]:
    """Return the transaction, and the position in the log, of an id such as `766:25158088`."""
    transaction, _, position = text.partition(":")
    return _whole(int(transaction)), _whole(int(position))


def _whole(number: Any) -> int:
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise ValueError("expected a whole number")
    return number
