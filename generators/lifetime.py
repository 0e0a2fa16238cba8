"""How long a generator lives: until it is told to stop, with a heartbeat that a container's health check reads."""

import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir

# The health check looks at this file's age.
ALIVE = Path(gettempdir()) / "storeline-alive"


class Ended(Exception):
    """The generator was told to stop."""


@dataclass
class Lifetime:
    """A generator's life."""

    is_ending: bool = field(default=False, init=False)

    def listen(self) -> None:
        """Stop on SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, *_: object) -> None:
        self.is_ending = True

    def rest(self, seconds: float) -> None:
        """Wait, but return early when told to stop."""
        ends = time.monotonic() + seconds
        while not self.is_ending and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
