"""The rival `debezium-jdbc-sink`: a worker of Kafka Connect with a source connector and Debezium's own JDBC sink.

The sink needs messages that carry their schema, and a topic for each table, so it cannot read the stream's topic: its
source connector has a slot and topics of its own. Values, keys and types are Debezium's defaults.
"""

from native.connect import JAVA_OPTIONS, OPTIONS, WORKER, own_options
from native.kafka import java
from native.places import CONNECT
from storeline.accounts import MYSQL_ADMIN, POSTGRES_CAPTURE
from storeline.changes.connector import reading
from storeline.settings import Settings
from storeline.stores import kafka
from storeline.tables import SOURCE_SCHEMA, TABLES

NAME = "debezium-jdbc-sink"
DATABASE = "rival_debezium_jdbc_sink"
SOURCE, SINK = "rival-source", "rival-sink"
SLOT, PREFIX = "rival", "rival"
TOPICS = [f"{PREFIX}.{SOURCE_SCHEMA}.{table.name}" for table in TABLES]
ROWS_AT_ONCE = "2000"  # of a poll and of a batch; the default is 500
HEAP = "1g"  # for both connectors; the product's worker has 512m for one
JSON = "org.apache.kafka.connect.json.JsonConverter"
WITH_SCHEMAS = {
    "key.converter": JSON,
    "key.converter.schemas.enable": "true",
    "value.converter": JSON,
    "value.converter.schemas.enable": "true",
}


def make_topics(settings: Settings) -> None:
    """Make the topics, one for each table; a sink that starts before them would look for them minutes later."""
    configuration = {"max.message.bytes": str(settings.kafka_change_max_bytes)}
    wanted = {"num_partitions": 1, "replication_factor": -1, "configs": configuration}
    with kafka.administration(settings) as client:
        client.create_topics(dict.fromkeys(TOPICS, wanted), wait_for_metadata=True)


def command(options: str) -> list[str]:
    """Return the worker's command; `options` is its file of options."""
    return [java(), "-Xms128m", f"-Xmx{HEAP}", *JAVA_OPTIONS, "-cp", f"{CONNECT}/*", WORKER, options]


def worker_options(settings: Settings, plugins: str) -> str:
    """Return the text of the worker's file: the product's options, then what differs; the last one of a name counts."""
    readable = f"{POSTGRES_CAPTURE.password_variable}|{MYSQL_ADMIN.password_variable}"
    options = {
        "group.id": "rival-connect",
        **{f"{kind}.storage.topic": f"rival.connect.{kind}s" for kind in ("config", "offset")},
        "status.storage.topic": "rival.connect.status",
        "plugin.path": plugins,
        "config.providers.env.param.allowlist.pattern": readable,
        "consumer.max.poll.records": ROWS_AT_ONCE,
    }
    own = "".join(f"{name}={value}\n" for name, value in options.items())
    return OPTIONS.read_text() + own_options(settings) + own


def source(settings: Settings) -> dict[str, str]:
    """Return the configuration of the connector that fills the topics."""
    return {**reading(settings, SLOT), "topic.prefix": PREFIX, **WITH_SCHEMAS}


def sink(settings: Settings) -> dict[str, str]:
    """Return the configuration of the connector that writes into MySQL, plain as the product's connection is."""
    options = "rewriteBatchedStatements=true&connectionTimeZone=UTC&sslMode=DISABLED&allowPublicKeyRetrieval=true"
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": ",".join(TOPICS),
        "connection.url": f"jdbc:mysql://{settings.mysql_host}:{settings.mysql_port}/{DATABASE}?{options}",
        "connection.username": settings.user(MYSQL_ADMIN),
        "connection.password": f"${{env:{MYSQL_ADMIN.password_variable}}}",
        "collection.name.format": "${source.table}",
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
        "schema.evolution": "none",
        "batch.size": ROWS_AT_ONCE,
        "use.reduction.buffer": "true",  # one statement for a row that changed several times in a batch
        **WITH_SCHEMAS,
    }
