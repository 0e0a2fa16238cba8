"""Send events to a topic at a given rate: valid, all new, and as cheap to make as possible.

Usage: python -m bench.event_load orders|users-data COUNT PER_SECOND    (PER_SECOND 0: as fast as possible)
"""

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from bench.stack import JARS
from generators.event_texts import as_json, moment
from native.kafka import java
from native.places import KAFKA
from storeline.settings import Settings, load
from storeline.stores import kafka, postgres
from storeline.topics import ORDERS, SCHEMA_VERSION, USERS

SLICE_SECONDS = 0.05
EMAILS = "select email from source.users order by user_id limit 500"
PRODUCTS = "select product_id, price from source.products order by product_id limit 500"
Make = Callable[[int], tuple[bytes, bytes]]


def registrations(run: str) -> Make:
    """Return a function that makes the n-th registration of a run."""
    head = {"schema_version": SCHEMA_VERSION, "first_name": "Ada", "last_name": "Byron", "phone": "+1-202-555-0101"}
    rest = as_json({**head, "loyalty_status": "Basic"})[1:]

    def make(number: int) -> tuple[bytes, bytes]:
        email, now = f"{run}.{number}@bench.example.com", moment(datetime.now(UTC))
        own = f'{{"event_id":"{uuid.uuid4()}","event_time":"{now}","registration_date":"{now}","email":"{email}",'
        return email.encode(), own.encode() + rest

    return make


def orders(settings: Settings) -> Make:
    """Return a function that makes orders of three lines, with the shop's own users and products."""
    with closing(postgres.generator(settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(EMAILS)
        emails = [json.dumps(email) for (email,) in cursor.fetchall()]
        cursor.execute(PRODUCTS)
        lines = [
            f'"product_id":{product},"quantity":2,"price_per_unit":{price}' for product, price in cursor.fetchall()
        ]
    rest = f'"schema_version":{SCHEMA_VERSION},"order_version":1,"status":"Pending","delivery_date":null'

    def make(number: int) -> tuple[bytes, bytes]:
        order_id, now = str(uuid.uuid4()), moment(datetime.now(UTC))
        bought = ",".join(f'{{"line_number":{n + 1},{lines[(number * 3 + n) % len(lines)]}}}' for n in range(3))
        own = f'"event_id":"{uuid.uuid4()}","event_time":"{now}","order_date":"{now}","order_id":"{order_id}"'
        mail = emails[number % len(emails)]
        return order_id.encode(), f'{{{own},"user_email":{mail},{rest},"lines":[{bought}]}}'.encode()

    return make


def main(topic: str, count: int, per_second: float) -> None:
    """Send the events and print the rate."""
    settings = load()
    make = registrations(uuid.uuid4().hex[:8]) if topic == USERS.name else orders(settings)
    began, sent = time.monotonic(), 0
    with subprocess.Popen(producer(settings, topic), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        if process.stdin is None:
            raise TypeError("the producer has no standard input")
        while sent < count:
            due = count if not per_second else min(count, int((time.monotonic() - began + SLICE_SECONDS) * per_second))
            process.stdin.writelines(b"%s\t%s\n" % make(number) for number in range(sent, due))
            process.stdin.flush()
            sent = max(sent, due)
            if per_second:
                time.sleep(SLICE_SECONDS / 5)
    if process.returncode:
        sys.exit(f"event_load: the producer exited with {process.returncode}")
    print(f"{topic}: {count / (time.monotonic() - began):.0f} events/s")


def producer(settings: Settings, topic: str) -> list[str]:
    """Return the command of Kafka's console producer: a key, a tab, a value per line.

    Python's client would need more than a core for this benchmark's events.
    """
    path = f"{KAFKA}/*:{JARS}/*"
    command = [java(), "-Xmx256m", "-XX:+UseSerialGC", "-cp", path, "org.apache.kafka.tools.ConsoleProducer"]
    command += ["--bootstrap-server", kafka.address(settings), "--topic", topic]
    command += ["--reader-property", "parse.key=true", "--compression-codec", "lz4"]
    return [*command, "--command-property", "linger.ms=10", "--command-property", "acks=all"]


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in (ORDERS.name, USERS.name):
        sys.exit(f"event_load: expected {ORDERS.name}|{USERS.name} COUNT PER_SECOND")
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
