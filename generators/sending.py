"""How a producer keeps sending: at a rate, through Kafka's restarts, until stopped."""

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg2
from kafka.errors import KafkaError as ClientError
from kafka.errors import KafkaTimeoutError
from psycopg2.extras import execute_values

from generators.event_texts import Message
from generators.lifetime import ALIVE, Ended, Lifetime
from storeline.errors import one_line
from storeline.settings import Settings
from storeline.stores import kafka, postgres

TICK_SECONDS = 0.2
SECONDS_BETWEEN_REPORTS = 30
RETRY_SECONDS = 2
ANSWER_SECONDS = 10
# Kafka's client gives up after 30 s, but has been seen to wait forever after the broker slept.
LONGEST_ANSWER_SECONDS = 60


@dataclass
class Sender(Lifetime):
    """Sends messages, resends what Kafka did not take, and records what it took in `ops.sent_events`."""

    name: str
    settings: Settings
    counts: Counter[str] = field(default_factory=Counter)
    waiting: deque[Message] = field(default_factory=deque)
    sent: list[tuple[Message, Any]] = field(default_factory=list)
    unrecorded: list[tuple[Any, ...]] = field(default_factory=list)
    sent_at: float = 0.0
    producer: Any = None

    def until_it_works(self, what: str, do: Callable[[], Any]) -> Any:
        """Call a function until it succeeds and return its result. Raises Ended, not a retry, once told to stop."""
        said = None
        while True:
            ALIVE.touch()
            try:
                return do()
            except (kafka.KafkaError, postgres.PostgresError, psycopg2.Error) as error:
                if said != (said := one_line(error)):
                    print(f"{self.name}: waiting for {what}: {said}", flush=True)
            if self.is_ending:
                raise Ended
            self.rest(RETRY_SECONDS)

    def run(
        self,
        per_second: float,
        make: Callable[[datetime], Iterable[Message]],
        tick: Callable[[datetime], Iterable[Message]],
    ) -> None:
        """Send what `make` produces at a rate, and what `tick` has due, until stopped."""
        begun, made, reported = time.monotonic(), 0, time.monotonic()
        with contextlib.suppress(Ended):
            while not self.is_ending:
                now = datetime.now(UTC)
                self.waiting.extend(tick(now))
                due = int((time.monotonic() - begun) * per_second) + 1 - made
                # The backlog of a pause is dropped, beyond one second's worth.
                for _ in range(min(due, max(1, int(per_second)))):
                    self.waiting.extend(make(datetime.now(UTC)))
                made += due
                self.flush()
                if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
                    print(self.said(), flush=True)
                    reported = time.monotonic()
                self.rest(TICK_SECONDS)
        with contextlib.suppress(Ended):
            self.flush()
        print(f"{self.said()}; stopped", flush=True)

    def flush(self) -> None:
        """Send the queue and record what Kafka took; what it did not take stays queued, in order."""
        ALIVE.touch()
        if self.waiting or self.sent:
            self.until_it_works("Kafka", self._send)
        if self.unrecorded:
            self.until_it_works("PostgreSQL", self._record)

    def _send(self) -> None:
        """Send the queue; return when Kafka has answered for each message. Raises KafkaError; the rest stays queued."""
        try:
            if self.producer is None:
                self.producer = kafka.producer(self.settings, delivery_timeout_ms=30_000, request_timeout_ms=10_000)
            if not self.sent:
                self.sent_at = time.monotonic()
            while self.waiting:
                one = self.waiting[0]
                self.sent.append((one, self.producer.send(one.topic, key=one.key, value=one.value)))
                self.waiting.popleft()
            with contextlib.suppress(KafkaTimeoutError):
                self.producer.flush(timeout=ANSWER_SECONDS)
        except ClientError as error:
            raise kafka.KafkaError(f"{type(error).__name__}: {error}") from None
        is_overdue = time.monotonic() - self.sent_at > LONGEST_ANSWER_SECONDS
        if not is_overdue and not all(future.is_done for _, future in self.sent):
            raise kafka.KafkaError("no answer yet")
        answered, self.sent = self.sent, []
        failures = [(one, future.exception) for one, future in answered if not future.succeeded()]
        for one, future in answered:
            if future.succeeded():
                self.counts[one.kind] += 1
                place = future.value
                self.unrecorded.append((one.topic, place.partition, place.offset, one.event_id, one.kind))
        if failures:
            self.waiting.extendleft(one for one, _ in reversed(failures))
            self._begin_anew()
            reason = type(failures[0][1]).__name__ if failures[0][1] else "no answer"
            raise kafka.KafkaError(f"{len(failures)} events were not accepted: {reason}")

    def _begin_anew(self) -> None:
        """Drop the producer: after some errors it accepts nothing more."""
        with contextlib.suppress(ClientError):
            self.producer.close(timeout=1)
        self.producer = None

    def _record(self) -> None:
        with (
            closing(postgres.generator(self.settings).connect()) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            insert = 'insert into ops.sent_events (topic, partition, "offset", event_id, kind) values %s'
            execute_values(cursor, insert, self.unrecorded)
        self.unrecorded.clear()

    def said(self) -> str:
        """Return how many events of each kind were sent."""
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.counts.items()))
        return f"{self.name}: {sum(self.counts.values()):,} events sent{f' ({kinds})' if kinds else ''}"
