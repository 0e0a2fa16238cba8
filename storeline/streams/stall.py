"""Ends a stream that takes nothing while Kafka holds more, whatever it hangs on, so that it is restarted."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from storeline.settings import Settings
from storeline.stores import kafka_topics
from storeline.stores.kafka import KafkaError

Positions = dict[tuple[str, int], int]  # the next offset of each topic and partition


class StallWatch:
    """Watches from its own thread, because the others may all wait for an answer that never comes."""

    def __init__(self, name: str, settings: Settings) -> None:
        """Watch over the stream `name`."""
        self.name, self.settings = name, settings
        self.positions: Callable[[], Positions | None] = lambda: None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()

    @contextmanager
    def over(self, positions: Callable[[], Positions | None]) -> Iterator[None]:
        """Watch while these positions move, or are None; code that waits for a server has its own limit."""
        self.positions = positions
        try:
            yield
        finally:
            self.positions = lambda: None

    def _look_on(self) -> None:
        stalled_at: Positions | None = None
        while not self.ended.wait(self.settings.stream_stall_seconds):
            positions = self.positions()
            waiting = self._waiting(positions) if positions else 0
            if waiting and positions == stalled_at:
                seconds = self.settings.stream_stall_seconds
                line = f"nothing was taken for {seconds} s (STREAM_STALL_SECONDS) while {waiting:,} events wait"
                print(f"{self.name}: {line}: the run ends, and the next one continues", flush=True)
                os._exit(1)
            stalled_at = positions if waiting else None

    def _waiting(self, positions: Positions) -> int:
        """Return how many events Kafka holds beyond the positions, 0 when it does not answer."""
        try:
            states = kafka_topics.states(self.settings, sorted({topic for topic, _ in positions}))
        except KafkaError:
            return 0
        ends = {
            (name, number): one.latest for name, state in states.items() for number, one in state.partitions.items()
        }
        return sum(max(0, ends.get(place, 0) - position) for place, position in positions.items())
