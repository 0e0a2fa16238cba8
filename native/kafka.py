"""Kafka as a local process: one broker that is its own controller."""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from native.places import KAFKA, make_private, write_private
from native.process import Process, Service
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings
from storeline.stores import kafka as store

DECLARED = ROOT / "docker" / "kafka"
OPTIONS = DECLARED / "server.properties"
JAVA_OPTIONS = ("-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={DECLARED / 'log4j2.properties'}")

# Kafka's own variable, for stacks created in code that pass extra options to the broker and to Connect.
OWN_JAVA_OPTIONS = "KAFKA_OPTS"


def java() -> str:
    """Return the Java that Spark uses too."""
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else shutil.which("java") or "java"


def own_java_options(settings: Settings) -> list[str]:
    """Return what a stack that was created in code adds to Java's options."""
    return settings.values.get(OWN_JAVA_OPTIONS, "").split()


def service(settings: Settings, home: Path) -> Service:
    """Declare Kafka, with its data in the stack's home."""
    folder = home / "kafka"
    heap = (f"-Xms{settings.kafka_heap_memory}", f"-Xmx{settings.kafka_heap_memory}")
    options = (*heap, *JAVA_OPTIONS, *own_java_options(settings))
    command = (java(), *options, "-cp", f"{KAFKA}/*", "kafka.Kafka", str(folder / "server.properties"))
    return Service(
        "kafka",
        (Process("kafka", command, folder, {}, stop_seconds=60),),
        prepare=lambda: _prepare(settings, folder),
        missing=lambda: _missing(settings),
    )


def _prepare(settings: Settings, folder: Path) -> None:
    """Write the options at each start; format the data folder once."""
    make_private(folder)
    data = folder / "data"
    write_private(folder / "server.properties", OPTIONS.read_text() + own_options(settings, data))
    if (data / "meta.properties").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
    tool = (java(), "-Xmx128m", *JAVA_OPTIONS, "-cp", f"{KAFKA}/*", "kafka.tools.StorageTool", "format")
    options = ("--cluster-id", cluster, "--config", str(folder / "server.properties"))
    done = subprocess.run((*tool, *options), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        raise StorelineError(f"Kafka: {lines[-1]}")


def own_options(settings: Settings, data: Path) -> str:
    """Return the options specific to this stack: where it listens and keeps its data."""
    own, controller = store.address(settings), f"127.0.0.1:{settings.kafka_controller_port}"
    options = {
        "log.dirs": data,
        "message.max.bytes": settings.kafka_change_max_bytes,
        "listeners": f"HOST://127.0.0.1:{settings.kafka_port},CONTROLLER://{controller}",
        "advertised.listeners": f"HOST://{own}",
        "listener.security.protocol.map": "HOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "HOST",
        "controller.quorum.voters": f"1@{controller}",
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def _missing(settings: Settings) -> str | None:
    try:
        with store.administration(settings, wait_seconds=1) as client:
            client.list_topics()
    except store.KafkaError as error:
        return str(error)
    return None
