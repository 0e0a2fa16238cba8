"""Measure P8: how many events a second the stream takes, against plain JDBC appends, and how soon they are visible.

Usage: python -m bench.events [--runs N] [--seconds N]

First each side takes the same backlog (start-up excluded: from the first row written to the last). Then events arrive
at the target rates for five minutes while the lag is sampled: it must not grow. Latency is measured from an event's
Kafka timestamp to the time its outcome is written, some milliseconds before the commit.
"""

import argparse
import subprocess
import sys
import time
from contextlib import closing
from typing import Any

from bench.report import Result, publish, rotated
from bench.stack import bench_stack, job_environment, submission
from native.places import KAFKA
from native.stack import Stack
from storeline.events.lag import lags
from storeline.settings import ROOT
from storeline.stores import kafka, kafka_topics, postgres
from storeline.topics import ORDERS, TOPICS, USERS

RIVAL = "foreach-batch-jdbc"
CORES = 2
BACKLOG = {USERS.name: 400_000, ORDERS.name: 100_000}
RATES = {USERS.name: 10_000, ORDERS.name: 2_000}
RIVALS_TABLES = {USERS.name: ("jdbc_users",), ORDERS.name: ("jdbc_orders", "jdbc_order_details")}
LATENCY = """select percentile_cont(array[0.5, 0.95, 0.99]) within group (
    order by extract(epoch from decided_at - produced_at) * 1000) from ops.events
    where decided_at > %s and outcome = 'landed'"""


def main() -> None:
    """Measure every case and publish the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=300)
    options = parser.parse_args()
    values = {"SPARK_STREAM_CORES": str(CORES), "SPARK_BATCH_CORES": "1", "STREAM_PARKED_SECONDS": "600"}
    stack = bench_stack("postgres", "kafka", "spark", **values)
    with stack:
        results = [result for topic, count in BACKLOG.items() for result in backlog(stack, topic, count, options.runs)]
        for topic in RATES:
            results += sustained(stack, topic, options.seconds)
        batch = stack.settings.stream_batch_events
        configuration = {"backlog": BACKLOG, "rates": RATES, "seconds": options.seconds, "cores": CORES, "batch": batch}
        publish("events", ("pyspark", "kafka-python", "psycopg2-binary"), server(stack), configuration, results)
    stack.delete()


def backlog(stack: Stack, topic: str, count: int, runs: int) -> list[Result]:
    """Let each side take the same backlog."""
    reached = rotated({"stream": lambda: ours(stack, topic, count), RIVAL: lambda: theirs(stack, topic, count)}, runs)
    return [Result("P8", f"a backlog of {count:,} events of {topic}", RIVAL, "events/s", *reached.values())]


def ours(stack: Stack, topic: str, count: int) -> float:
    """Return how many events a second the stream takes."""
    fill(stack, topic, count, 0)
    with job(stack, "spark_jobs/stream_events.py") as process:
        return timed(stack, process, "select count(*) from ops.events", count)


def theirs(stack: Stack, topic: str, count: int) -> float:
    """Return how many events a second the rival appends."""
    fill(stack, topic, count, 0)
    table = RIVALS_TABLES[topic][-1]
    rows = count * (3 if topic == ORDERS.name else 1)
    with job(stack, "bench/rivals/jdbc_events.py", topic) as process:
        return timed(stack, process, f"select count(*) from public.{table}", rows) * count / rows


def fill(stack: Stack, topic: str, count: int, rate: float) -> None:
    """Empty Kafka, the ledger and the rival's tables; send events."""
    forget(stack)
    load(stack, topic, count, rate).wait()


def forget(stack: Stack) -> None:
    """Reset Kafka and PostgreSQL to before any event was sent."""
    names = [one.name for one in TOPICS]
    with kafka.administration(stack.settings) as client:
        client.delete_topics(names, raise_errors=False)
    while kafka_topics.states(stack.settings, names):
        time.sleep(0.1)
    kafka_topics.make_topics(stack.settings)
    execute(
        stack,
        """truncate ops.streams, ops.stream_offsets, ops.stream_topics, ops.events, ops.parked_events, ops.dead_letters;
           drop table if exists public.jdbc_users, public.jdbc_order_details, public.jdbc_orders""",
    )
    stack.run("generators.shop", "--replace")
    execute(
        stack,
        """create table public.jdbc_users (like source.users including all);
           create table public.jdbc_orders (order_id text primary key, order_version integer not null,
               user_email text not null references source.users (email), order_date timestamptz not null,
               status text not null, delivery_date timestamptz);
           create table public.jdbc_order_details (order_id text not null references public.jdbc_orders,
               line_number integer not null, product_id bigint not null references source.products,
               quantity integer not null, price_per_unit numeric(14, 2) not null,
               primary key (order_id, line_number))""",
    )


def execute(stack: Stack, statements: str) -> None:
    """Execute statements one by one, as the owner."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements.split(";"):
            cursor.execute(statement)


def scalar(stack: Stack, query: str, *parameters: Any) -> Any:
    """Return the first value of a query's result."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return (cursor.fetchone() or (None,))[0]


def load(stack: Stack, topic: str, count: int, rate: float) -> subprocess.Popen[bytes]:
    """Start a process that sends events."""
    command = (sys.executable, "-m", "bench.event_load", topic, str(count), str(rate))
    return subprocess.Popen(command, env=stack.environment(), cwd=ROOT)


class job:
    """A Spark application on the stack's cluster, ended on exit."""

    def __init__(self, stack: Stack, path: str, *arguments: str) -> None:
        """Start it."""
        command = submission(stack, path, *arguments, cores=CORES)
        self.log = (stack.home / "job.log").open("w")
        self.process = subprocess.Popen(command, env=job_environment(stack), stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def timed(stack: Stack, process: subprocess.Popen[bytes], query: str, wanted: int) -> float:
    """Return how many rows a second appear, from the first ones seen to the last.

    Raises SystemExit when the job ends too early.
    """
    began, first, seen = 0.0, 0, 0
    while seen < wanted:
        seen = int(scalar(stack, query))
        if seen and not began:
            began, first = time.monotonic(), seen
        if process.poll() is not None and int(scalar(stack, query)) < wanted:
            sys.exit(f"bench.events: the job ended early, see {stack.home / 'job.log'}")
        time.sleep(0.05)
    if wanted == first:
        sys.exit("bench.events: all rows came at once: too few to measure")
    return (wanted - first) / (time.monotonic() - began)


def sustained(stack: Stack, topic: str, seconds: int) -> list[Result]:
    """Send events at the target rate; return the rate taken, the largest lag and the latency."""
    forget(stack)
    rate = RATES[topic]
    with job(stack, "spark_jobs/stream_events.py"):
        load(stack, topic, rate, 0).wait()
        while scalar(stack, "select count(*) from ops.events") < rate:
            time.sleep(0.5)
        since = scalar(stack, "select clock_timestamp()")
        sender, waiting, began = load(stack, topic, rate * seconds, rate), [], time.monotonic()
        while sender.poll() is None:
            waiting.append(float(sum(one.lag for one in lags(stack.settings) if one.topic == topic)))
            time.sleep(5)
        while scalar(stack, "select count(*) from ops.events") < rate * (seconds + 1):
            time.sleep(0.1)
        taken = rate * seconds / (time.monotonic() - began)
        latency = scalar(stack, LATENCY, since)
    half = len(waiting) // 2
    case = f"{topic} at {rate:,}/s for {seconds} s"
    return [
        Result("P8", f"{case}: taken", "", "events/s", [taken], []),
        Result("P8", f"{case}: largest lag of the first half", "", "events", [max(waiting[:half] or [0])], []),
        Result("P8", f"{case}: largest lag of the second half", "", "events", [max(waiting[half:] or [0])], []),
        *(
            Result("P8", f"{case}: produced to visible, {name}", "", "ms", [float(value)], [])
            for name, value in zip(("p50", "p95", "p99"), latency, strict=True)
        ),
    ]


def server(stack: Stack) -> dict[str, str]:
    """Return the servers' versions."""
    (broker,) = KAFKA.glob("kafka-server-[0-9]*.jar")
    return {
        "postgresql": str(scalar(stack, "select current_setting('server_version')")),
        "kafka": broker.stem.removeprefix("kafka-server-"),
    }


if __name__ == "__main__":
    main()
