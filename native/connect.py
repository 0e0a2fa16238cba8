"""Kafka Connect as a local process: one worker, which captures PostgreSQL's changes."""

from pathlib import Path

from native.kafka import java, own_java_options
from native.places import CONNECT, make_private, write_private
from native.process import Process, Service
from storeline.accounts import POSTGRES_CAPTURE
from storeline.settings import ROOT, Settings
from storeline.stores import connect as store
from storeline.stores import kafka

DECLARED = ROOT / "docker" / "connect"
OPTIONS = DECLARED / "connect.properties"
JAVA_OPTIONS = ("-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={DECLARED / 'log4j2.properties'}")
WORKER = "org.apache.kafka.connect.cli.ConnectDistributed"


def service(settings: Settings, home: Path) -> Service:
    """Declare Kafka Connect; what it has to remember is in Kafka."""
    folder = home / "connect"
    heap = ("-Xms128m", f"-Xmx{settings.connect_heap_memory}")
    options = (*heap, *JAVA_OPTIONS, *own_java_options(settings))
    command = (java(), *options, "-cp", f"{CONNECT}/*", WORKER, str(folder / "connect.properties"))
    secrets = {POSTGRES_CAPTURE.password_variable: str(settings.password(POSTGRES_CAPTURE))}
    return Service(
        "connect",
        (Process("connect", command, folder, secrets, stop_seconds=30),),
        prepare=lambda: _prepare(settings, folder),
        missing=lambda: _missing(settings),
    )


def _prepare(settings: Settings, folder: Path) -> None:
    make_private(folder)
    write_private(folder / "connect.properties", OPTIONS.read_text() + own_options(settings))


def own_options(settings: Settings) -> str:
    """Return the options specific to this stack: where it listens, where Kafka is, and how much a message may hold."""
    options = {
        "bootstrap.servers": kafka.address(settings),
        "listeners": f"http://127.0.0.1:{settings.connect_port}",
        "producer.max.request.size": settings.kafka_change_max_bytes,
        "producer.buffer.memory": settings.kafka_change_max_bytes,
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def _missing(settings: Settings) -> str | None:
    try:
        store.check(settings)
    except store.ConnectError as error:
        return str(error)
    return None
