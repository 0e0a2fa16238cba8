"""Lands one batch while the next one is read; each is landed only after the one before has succeeded."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from psycopg2.extensions import TransactionRollbackError

from storeline.errors import StorelineError
from storeline.events.landing import Fetch, Landing

ATTEMPTS = 3
Lines = dict[str, list[str]]  # COPY's lines for each topic, and for dead letters


class NotLandedError(StorelineError):
    """A batch was not landed; `BackgroundLanding.failure` has the reason."""


class BackgroundLanding:
    """Lands batches one after the other on its own thread. `events` counts the landed events."""

    def __init__(self, landing: Landing, topic_ids: dict[str, str], fetch: Fetch) -> None:
        """Land with this session; `fetch` reads the bytes of one event that is too large to come with its batch."""
        self.landing, self.topic_ids, self.fetch = landing, topic_ids, fetch
        self.turn = threading.Lock()  # held by the session's current user
        self.failure: BaseException | None = None
        self.events = 0
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def close(self) -> None:
        """Wait for the batch that is being landed, and land no more."""
        self._thread.shutdown()

    def submit(self, lines: Lines) -> None:
        """Land a batch once the previous one has ended. Raises NotLandedError if that one failed."""
        self.settle()
        self._last = self._thread.submit(self.land, lines)

    def settle(self) -> None:
        """Wait until the last batch is landed. Raises NotLandedError if it was not."""
        with self.keeping():
            if self._last:
                self._last.result()

    def look(self) -> None:
        """Raise NotLandedError if the last batch failed; does not wait for one that is being landed."""
        if self._last and self._last.done():
            self.settle()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is raised inside as `failure`, and raise NotLandedError instead.

        Spark searches the text of an error for patterns, and a long text overflows its stack.
        """
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise NotLandedError("the batch was not landed") from None

    def land(self, lines: Lines) -> None:
        """Land a batch; retry a transaction that PostgreSQL rolled back because of another one."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.turn:
                    self.landing.land(lines, self.topic_ids, self.fetch)
                break
            except TransactionRollbackError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)
        self.events += sum(map(len, lines.values()))
