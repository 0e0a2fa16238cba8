"""What the stream does besides landing: it retries parked events and copies new dead letters to Kafka."""

import time

from kafka import KafkaProducer

from storeline.events import dead_letters, offsets
from storeline.events.background import BackgroundLanding
from storeline.events.lines import NAMES
from storeline.events.waiting import CaughtUp
from storeline.settings import Settings
from storeline.stores import kafka_topics
from storeline.stores.kafka import KafkaError


class Upkeep:
    """Works on the landing's session, between two batches."""

    def __init__(self, settings: Settings, background: BackgroundLanding, producer: KafkaProducer) -> None:
        self.settings, self.background, self.producer = settings, background, producer
        self.waiting = CaughtUp(2 * settings.stream_retry_seconds)
        self.is_waiting = True

    def run(self) -> None:
        """Land parked events that are now complete, expire those that waited too long, and copy dead letters."""
        caught_up_seconds = self._caught_up_seconds() if self.is_waiting else 0
        landing = self.background.landing
        with self.background.turn:
            self.is_waiting = landing.retry(self.settings.stream_parked_seconds, caught_up_seconds)
            dead_letters.copy_out(landing.connection, self.producer)

    def _caught_up_seconds(self) -> float:
        """Return how long the stream was caught up since the last call; while Kafka is unreachable it was not."""
        taken, now = self.background.landing.positions, time.monotonic()
        try:
            ends = offsets.ends(kafka_topics.states(self.settings, NAMES))
        except KafkaError:
            ends = None
        return self.waiting.look(taken, ends, now)
