"""A stack of the tests' own that captures changes, and what arrived in its topic."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from native.stack import Stack
from storeline.settings import Settings
from storeline.stores import kafka, kafka_topics, postgres
from storeline.topics import CHANGES
from tests.integration.living import until


@dataclass(frozen=True)
class Message:
    """A message of the topic: a marker of a transaction has a `status`, a change has an `op`."""

    offset: int
    key: Any
    value: dict[str, Any]

    @property
    def transaction(self) -> int:
        """Return the id of its transaction."""
        marked = self.value if "status" in self.value else self.value["transaction"]
        return int(marked["id"].partition(":")[0])

    @property
    def order(self) -> int:
        """Return a change's place in its transaction."""
        return int(self.value["transaction"]["total_order"])


@dataclass(frozen=True)
class Capturing:
    """A stack that captures changes."""

    stack: Stack

    @property
    def settings(self) -> Settings:
        """Return its settings."""
        return self.stack.settings

    def latest(self) -> int:
        """Return the offset that the next message gets."""
        return kafka_topics.states(self.settings, [CHANGES.name])[CHANGES.name].partitions[0].latest

    def messages(self, since: int = 0) -> Iterator[Message]:
        """Yield what is in the topic from an offset on."""
        for one in kafka.messages(self.settings, CHANGES.name, 0, since, self.latest()):
            yield Message(one.offset, one.key and json.loads(one.key), json.loads(one.value))

    def of(self, transaction: int, since: int = 0) -> list[Message]:
        """Return the messages of a transaction once its end has arrived."""
        found: list[Message] = []

        def is_whole() -> bool:
            found[:] = [one for one in self.messages(since) if one.transaction == transaction]
            return bool(found) and found[-1].value.get("status") == "END"

        until(is_whole, f"the end of transaction {transaction}")
        return found

    def process(self) -> int:
        """Return the process of Kafka Connect; 0 while it is not running."""
        return next(one.pid for one in self.stack.status() if one.name == "connect")

    def write(self, *statements: str) -> int:
        """Execute statements in one transaction of PostgreSQL; return its id."""
        with closing(postgres.owner(self.settings).connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id()::text::bigint")
            (transaction,) = cursor.fetchone() or (0,)
            for statement in statements:
                cursor.execute(statement)
        return int(transaction)
