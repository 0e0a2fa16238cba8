"""How long a stream has been caught up: only this time counts as waiting.

While it is down, or behind, what an order waits for may already be in Kafka.
"""

from storeline.events.offsets import Positions


class CaughtUp:
    """Counts from one look to the next, if all that Kafka held at the first is taken at the second."""

    def __init__(self, most_seconds: float) -> None:
        """Count at most `most_seconds` between two looks: a process that slept saw nothing of the time in between."""
        self.most_seconds = most_seconds
        self.before: tuple[Positions, float] | None = None

    def look(self, taken: Positions, ends: Positions | None, now: float) -> float:
        """Return how long the stream was caught up since the last look; `ends` is what Kafka holds now."""
        before, self.before = self.before, None if ends is None else (ends, now)
        if before is None or any(taken.get(place, 0) < end for place, end in before[0].items()):
            return 0.0
        return min(now - before[1], self.most_seconds)
