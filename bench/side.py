"""A side of the benchmarks of changes: what captures PostgreSQL's changes into Kafka and applies them to MySQL."""

import subprocess
from typing import Protocol

from storeline.settings import Settings
from storeline.stores import kafka_topics


class Side(Protocol):
    """What captures changes and applies them to `database`."""

    name: str
    database: str

    def capture(self) -> None:
        """Start the worker: changes come into Kafka."""

    def apply(self) -> None:
        """Apply what is in Kafka, and what comes."""

    def pause(self) -> None:
        """Stop applying."""

    def stop(self) -> None:
        """Stop the worker."""

    def check(self) -> None:
        """Raise SystemExit when it has failed."""

    def captured(self) -> int:
        """Return how many messages are in Kafka."""


def messages(settings: Settings, topics: list[str]) -> int:
    """Return how many messages were ever sent to topics of one partition each."""
    return sum(state.partitions[0].latest for state in kafka_topics.states(settings, topics).values())


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process; kill it after a minute."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
