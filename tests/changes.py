"""Messages as Debezium 3.7 writes them into `storeline.changes`, for tests that make them themselves."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from storeline.changes.messages import Message

PLACEHOLDER = "placeholder-of-the-tests"
Row = dict[str, Any]
One = tuple[str, str, Row | None, Row | None]  # operation, table, before, after
POSITION = 25_000_000


def value(body: Row) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def marker(
    status: str, transaction: int, position: int, count: int | None = None, at: int = 1_790_000_000_000
) -> bytes:
    per_table = None if count is None else [{"data_collection": "source.users", "event_count": count}]
    identity = f"{transaction}:{position}"
    return value({"status": status, "id": identity, "event_count": count, "data_collections": per_table, "ts_ms": at})


def change(transaction: int, order: int, one: One, position: int, schema: str = "source") -> bytes:
    operation, table, before, after = one
    return value(
        {
            "before": before,
            "after": after,
            "source": {
                "version": "3.7.0.Final",
                "connector": "postgresql",
                "name": "storeline",
                "ts_ms": 1_790_000_000_000,
                "snapshot": "false",
                "db": "storeline",
                "sequence": f'["{position}","{position}"]',
                "schema": schema,
                "table": table,
                "txId": transaction,
                "lsn": position,
                "xmin": None,
            },
            "transaction": {
                "id": f"{transaction}:{position}",
                "total_order": order,
                "data_collection_order": order,
            },
            "op": operation,
            "ts_ms": 1_790_000_000_100,
        }
    )


def transaction(number: int, changes: Sequence[One], position: int | None = None) -> list[bytes]:
    """Return the messages of a whole transaction; by default a higher number is also committed later."""
    at = POSITION + number * 1000 if position is None else position
    rows = [change(number, order, one, at + order) for order, one in enumerate(changes, 1)]
    return [marker("BEGIN", number, at), *rows, marker("END", number, at + 900, len(changes))]


def messages(values: Iterable[bytes | None], first: int = 0) -> list[Message]:
    return [Message(offset, one) for offset, one in enumerate(values, first)]
