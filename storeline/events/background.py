"""Lands one batch of events while the next one is read."""

import threading
import time

from psycopg2.extensions import TransactionRollbackError

from storeline.events.landing import Fetch, Landing
from storeline.streams.background import Background

ATTEMPTS = 3
Lines = dict[str, list[str]]  # COPY's lines for each topic, and for dead letters


class BackgroundLanding(Background[Lines]):
    """Lands batches one after the other on its own thread. `events` counts the landed events."""

    def __init__(self, landing: Landing, topic_ids: dict[str, str], fetch: Fetch) -> None:
        """Land with this session; `fetch` reads the bytes of one event that is too large to come with its batch."""
        super().__init__(self.land)
        self.landing, self.topic_ids, self.fetch = landing, topic_ids, fetch
        self.turn = threading.Lock()  # held by the session's current user
        self.events = 0

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
