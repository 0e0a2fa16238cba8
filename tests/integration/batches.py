"""Batches of events, landed in PostgreSQL as the stream lands them, without Kafka and Spark in between."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from storeline import ledger
from storeline.events import offsets
from storeline.events.landing import Landing
from storeline.events.lines import KINDS, NAMES, Message, line_of
from storeline.settings import Settings
from storeline.stores import copy_format, postgres
from storeline.stores.kafka_topics import Partition, TopicState
from tests.integration.events import KNOWN, forget

IDS = {name: f"00000000-0000-0000-0000-00000000000{number}" for number, name in enumerate(NAMES)}
STATES = {name: TopicState(name, topic_id, {0: Partition(0, 0)}) for name, topic_id in IDS.items()}
# Topic, key, value, and the dead letter that the header names.
Sent = tuple[str, bytes | None, bytes | None, int | None]


class Batches:
    """Lands the given events, each at the next offset of its topic."""

    def __init__(self, settings: Settings) -> None:
        """Begin with no events ever sent, and one user of the tests in the shop."""
        self.settings = settings
        forget(settings)
        with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                """insert into source.users (first_name, last_name, email, registration_date, loyalty_status)
                   values ('Known', 'User', %s, '2025-01-01Z', 'Basic')""",
                (KNOWN,),
            )
        self.landing = Landing(postgres.stream(settings), ledger.new_run_id())
        with self.landing.connection, self.landing.connection.cursor() as cursor:
            self.landing.positions = offsets.begin(cursor, self.landing.run_id, STATES)
        self.sent: dict[str, list[Sent]] = {name: [] for name in NAMES}

    def close(self) -> None:
        """Leave the shop as it was before."""
        self.landing.close()
        forget(self.settings)

    def lines(self, batch: Iterable[Sent]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {kind: [] for kind in KINDS}
        for one in batch:
            topic, key, value, origin = one
            header = copy_format.NULL if origin is None else origin
            place = f"{topic}\t0\t{len(self.sent[topic])}\t2026-11-01 00:00:00\t{header}"
            self.sent[topic].append(one)
            kind, line = line_of(Message(place, key, value, None))
            found[kind].append(line)
        return found

    def fetch(self, topic: str, partition: int, offset: int) -> tuple[bytes | None, bytes | None]:
        return self.sent[topic][offset][1:3]

    def land(self, *batch: Sent) -> None:
        self.landing.land(self.lines(batch), IDS, self.fetch)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self.landing.connection, self.landing.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def outcomes(self) -> list[str]:
        """Return the outcomes of all that was sent, ordered by topic and offset; each has exactly one."""
        found = self.ask('select topic_id::text, "offset", outcome from ops.events order by 1, 2')
        expected = [
            (IDS[name], at) for name in sorted(NAMES, key=IDS.__getitem__) for at in range(len(self.sent[name]))
        ]
        assert [(topic_id, at) for topic_id, at, _ in found] == expected
        return [outcome for *_, outcome in found]

    def letters(self) -> list[tuple[Any, ...]]:
        return self.ask("select error_class, reason, redriven_from from ops.dead_letters order by dead_letter_id")
