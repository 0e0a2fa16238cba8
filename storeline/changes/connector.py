"""The connector that captures the shop's changes, as it is declared, and how the running one differs from that."""

from collections.abc import Mapping

from storeline.accounts import POSTGRES_CAPTURE
from storeline.settings import Settings
from storeline.tables import SOURCE_SCHEMA
from storeline.topics import CHANGES, HEARTBEATS

PREFIX, _, TRANSACTIONS = CHANGES.name.partition(".")
HEARTBEAT_PREFIX = "heartbeat"
PUBLICATION = "storeline"
HEARTBEAT_SECONDS = 5
# An empty transaction: the connector's position, and with it PostgreSQL's log, moves only with a commit that it sees.
HEARTBEAT_QUERY = "select pg_logical_emit_message(true, 'storeline.heartbeat', '')"


def declaration(settings: Settings, slot_id: str, placeholder: str) -> dict[str, str]:
    """Return the whole configuration of the connector that reads a slot; `placeholder` stands for an unchanged text.

    The password is not in it: Connect reads that from its own environment.
    """
    return {
        **reading(settings, slot_id),
        "skipped.operations": "none",
        "slot.drop.on.stop": "false",
        # A slot that was recreated in between fails the connector; by default it would begin there without a word.
        "offset.mismatch.strategy": "trust_offset",
        "lsn.flush.mode": "connector",
        # Where to: all tables and the transactions' markers into one topic, in the order of the commits.
        "topic.prefix": PREFIX,
        "provide.transaction.metadata": "true",
        "topic.transaction": TRANSACTIONS,
        "topic.heartbeat.prefix": HEARTBEAT_PREFIX,
        "transforms": "changes,heartbeats",
        **_route("changes", f"{PREFIX}\\.{SOURCE_SCHEMA}\\..*", CHANGES.name),
        **_route("heartbeats", f"{HEARTBEAT_PREFIX}\\.{PREFIX}", HEARTBEATS.name),
        "tombstones.on.delete": "false",
        # Every value exactly.
        "decimal.handling.mode": "string",
        "time.precision.mode": "microseconds",
        "interval.handling.mode": "string",
        "binary.handling.mode": "base64",
        "include.unknown.datatypes": "true",
        "unavailable.value.placeholder": placeholder,
        # How fast, and how much at once.
        "heartbeat.interval.ms": str(HEARTBEAT_SECONDS * 1000),
        "heartbeat.action.query": HEARTBEAT_QUERY,
        "max.queue.size.in.bytes": str(settings.kafka_change_max_bytes),
        # A server that is down comes back; a permanent error fails the connector at once.
        "errors.max.retries": "-1",
        "retriable.restart.connector.wait.ms": "2000",
    }


def reading(settings: Settings, slot: str) -> dict[str, str]:
    """Return how a connector reads the shop's changes: its login, what is published, and from which slot."""
    return {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasks.max": "1",
        "database.hostname": settings.postgres_host,
        "database.port": str(settings.postgres_port),
        "database.dbname": settings.postgres_db,
        "database.user": settings.user(POSTGRES_CAPTURE),
        "database.password": f"${{env:{POSTGRES_CAPTURE.password_variable}}}",
        # What is captured: the publication names the tables.
        "plugin.name": "pgoutput",
        "publication.name": PUBLICATION,
        "publication.autocreate.mode": "disabled",
        "schema.include.list": SOURCE_SCHEMA,
        # Any role of the database may write such messages into the log, under any name.
        "message.prefix.exclude.list": ".*",
        # The copy has the rows, the slot has what changes after it was made.
        "slot.name": slot,
        "snapshot.mode": "no_data",
        "poll.interval.ms": "10",
    }


def _route(name: str, pattern: str, topic: str) -> dict[str, str]:
    """Return a transformation that sends to one topic what is meant for others."""
    options = {"type": "org.apache.kafka.connect.transforms.RegexRouter", "regex": pattern, "replacement": topic}
    return {f"transforms.{name}.{option}": value for option, value in options.items()}


def drift(declared: Mapping[str, str], running: Mapping[str, str]) -> list[str]:
    """Return the keys in which a running configuration differs from the declared one, without their values."""
    given = {key: value for key, value in running.items() if key != "name"}
    return sorted(key for key in declared.keys() | given.keys() if declared.get(key) != given.get(key))
