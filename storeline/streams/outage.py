"""How a stream waits for a server that does not answer."""

import os
import time

from storeline.errors import StorelineError, one_line

SECONDS_BETWEEN_ATTEMPTS = 2
SECONDS_BETWEEN_WORDS = 60


class Outage:
    """The time during which a server does not answer the stream `name`."""

    def __init__(self, name: str, most_seconds: float) -> None:
        self.name, self.most_seconds = name, most_seconds
        self.parent = os.getppid()
        self.began_at: float | None = None
        self.said_at = 0.0

    def wait(self, error: BaseException) -> None:
        """Wait a moment; say so once a minute. Raises StorelineError after too long, or when its parent has ended."""
        if os.getppid() != self.parent:
            raise StorelineError("spark-submit has ended, and the run with it")
        now = time.monotonic()
        if self.began_at is None:
            self.began_at, self.said_at = now, now - SECONDS_BETWEEN_WORDS
        lasts = now - self.began_at
        if lasts >= self.most_seconds:
            raise StorelineError(f"{one_line(error)}: waited for {lasts:.0f} s (STREAM_OUTAGE_SECONDS)")
        if now - self.said_at >= SECONDS_BETWEEN_WORDS:
            print(f"{self.name}: {one_line(error)}: waiting for {lasts:.0f} s so far", flush=True)
            self.said_at = now
        time.sleep(SECONDS_BETWEEN_ATTEMPTS)

    def end(self) -> None:
        """Report that the servers answer again, if one did not."""
        if self.began_at is not None:
            print(f"{self.name}: continues after {time.monotonic() - self.began_at:.0f} s", flush=True)
            self.began_at = None
