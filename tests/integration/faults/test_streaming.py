"""Processes are killed while events flow: each offset ends with exactly one outcome, and each event lands once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import psutil
import psycopg2
import pytest
from pyspark.sql import SparkSession

from native.spark import jars, spark_submit
from native.stack import Stack
from native.web import WebError, request_json
from spark_jobs.executors import QUICK_COMPILER
from storeline.settings import ROOT
from storeline.stores import postgres
from tests.end_to_end.runs import wait_until
from tests.integration.events import accounted, catch_up, clear
from tests.integration.faults.suffering import end, happen, processes
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.faults, pytest.mark.usefixtures("shop"), pytest.mark.timeout(1500)]
VICTIMS = ("driver", "executor", "kafka", "postgres")
RATES = {"PRODUCE_ORDERS_PER_SECOND": "40", "PRODUCE_USERS_PER_SECOND": "20", "PRODUCE_STATUS_SECONDS": "3"}
SHARES = {f"PRODUCE_{name}_SHARE": "0.05" for name in ("DUPLICATE", "LATE", "OUT_OF_ORDER", "BROKEN")}
# More than the 30 s for which Kafka's clients wait for an answer: they ask again, and the broker has both requests.
ASLEEP_SECONDS = 35
FAULTS = (*((victim, 0) for victim in VICTIMS), ("kafka", ASLEEP_SECONDS))


class Streaming:
    """The stream as Airflow runs it: restarted whenever it ends."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.process = stack, None

    def keep(self) -> subprocess.Popen[bytes]:
        """Return the running driver, a new one if the last has ended."""
        if self.process is None or self.process.poll() is not None:
            # It is started often and lives for seconds.
            options = ("--jars", jars(), "--conf", "=".join(QUICK_COMPILER), "--conf", "spark.cores.max=1")
            command = spark_submit(self.stack.settings.spark_master_url, *options)
            command.append(str(ROOT / "spark_jobs" / "stream_events.py"))
            with (self.stack.home / "stream.log").open("a") as log:
                self.process = subprocess.Popen(command, env=self.stack.environment(), stdout=log, stderr=log)
        return self.process

    def end(self) -> None:
        if self.process is not None:
            end(self.process)


@pytest.fixture
def streaming(databases: Stack) -> Iterator[Streaming]:
    """Return the stream, with a cluster to run on and no events sent before."""
    databases.start(("kafka", "spark"))
    clear(databases.settings)
    one = Streaming(databases)
    yield one
    one.end()


@pytest.fixture
def producers(streaming: Streaming) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Return both producers, sending."""
    environment = streaming.stack.environment() | RATES | SHARES
    names = ("produce_orders", "produce_users")
    started = [
        subprocess.Popen((sys.executable, "-m", f"generators.{name}"), env=environment, cwd=ROOT) for name in names
    ]
    yield started
    for one in started:
        one.kill()
        one.wait()


def count(stack: Stack, what: str) -> int:
    """Return a number from PostgreSQL, over a new connection: an older one may have died with the server."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {what}")
        return int((cursor.fetchone() or (0,))[0])


def outcomes(stack: Stack) -> int:
    with suppress(postgres.PostgresError, psycopg2.Error):
        return count(stack, "ops.events")
    return 0


def wait_for_more(streaming: Streaming, seconds: float = 400) -> None:
    """Wait until the stream, restarted as often as needed, lands events."""
    before, deadline = outcomes(streaming.stack), time.monotonic() + seconds
    while outcomes(streaming.stack) <= before:
        assert time.monotonic() < deadline, (streaming.stack.home / "stream.log").read_text()[-3000:]
        streaming.keep()
        time.sleep(0.5)


def victims(streaming: Streaming, victim: str) -> list[psutil.Process]:
    """Return the processes of a victim; after a restart of the stream its executor appears later."""
    deadline = time.monotonic() + 120
    while not (found := processes(streaming.stack, victim, streaming.keep())):
        assert time.monotonic() < deadline, f"no {victim}"
        time.sleep(0.2)
    return found


def settle(streaming: Streaming, producers: list[subprocess.Popen[bytes]], spark: SparkSession) -> None:
    """Stop the producers and the stream, take what is left, and check the books."""
    for one in producers:
        one.send_signal(signal.SIGTERM)
    assert [one.wait(120) for one in producers] == [0, 0]
    streaming.end()
    catch_up(streaming.stack.settings, spark)
    catch_up(streaming.stack.settings, spark)
    found = accounted(streaming.stack.settings)
    assert found["landed"] > 0
    twice = """(select event_id from ops.events where outcome in ('landed', 'superseded', 'parked')
                group by 1 having count(*) > 1) as t"""
    wrong = """source.orders as o where web_order_id is not null and total_amount <>
               (select sum(total_price) from source.order_details as d where d.order_id = o.order_id)"""
    lost = """ops.sent_events as s join ops.stream_topics as t using (topic)
              left join ops.events as e on e.topic_id = t.topic_id and e.partition = s.partition
                  and e."offset" = s."offset" where e.topic_id is null"""
    assert [count(streaming.stack, what) for what in (twice, wrong, lost)] == [0, 0, 0]


@pytest.mark.slow(reason="after four of the five faults Java starts again, and a broker sleeps through 30 s")
@pytest.mark.parametrize("seed", SEEDS)
def test_driver_executor_broker_and_database_are_killed_and_the_broker_sleeps_while_events_flow(
    streaming: Streaming, producers: list[subprocess.Popen[bytes]], spark: SparkSession, seed: int
) -> None:
    chance = random.Random(seed)
    wait_for_more(streaming)
    for victim, asleep_seconds in chance.sample(FAULTS, len(FAULTS)):
        time.sleep(chance.uniform(0, 4))
        happen(victims(streaming, victim), asleep_seconds)
        wait_for_more(streaming)
    settle(streaming, producers, spark)


@pytest.mark.slow(reason="a master dies, comes back and waits for those it knew")
def test_an_application_outlives_its_master(
    streaming: Streaming, producers: list[subprocess.Popen[bytes]], spark: SparkSession
) -> None:
    wait_for_more(streaming)
    driver, port = streaming.keep(), streaming.stack.settings.spark_master_ui_port
    (master,) = (one.pid for one in streaming.stack.status() if one.name == "spark-master")
    os.kill(master, signal.SIGKILL)

    def knows_it_again() -> bool:
        try:
            found = request_json(port, "/json/")
        except WebError:
            return False
        running = [one["name"] for one in found["activeapps"] if one["state"] == "RUNNING"]
        return found["status"] == "ALIVE" and found["aliveworkers"] == 1 and running == ["stream_events"]

    wait_until(knows_it_again, "known to the new master")
    for _ in range(3):  # one batch may have been on its way
        wait_for_more(streaming)
    assert streaming.keep() is driver
    settle(streaming, producers, spark)
