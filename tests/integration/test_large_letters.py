"""Dead letters of any size are copied out and sent again in little memory."""

import subprocess
import sys

import pytest

from native.stack import Stack
from storeline.settings import ROOT
from tests.integration.batches import IDS
from tests.integration.events import Ask, Sending
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
# Even these few do not fit into memory at once; 150 of them do not in any form.
LETTERS, BYTES = 30 if len(SEEDS) == 1 else 150, 12_000_000
# Of address space: sending letter by letter was measured at 353 MB, of which 205 MB were in memory at once.
MEMORY_BYTES = 600 << 20
# Zeros, so that the disks of this machine and of Kafka store little; in memory they have full size.
WRITE = f"""insert into ops.dead_letters (
    topic, topic_id, partition, "offset", error_class, reason, key, value, produced_at
)
select 'orders', '{IDS["orders"]}', 0, n, 'too_large', 'of a test', 'k', decode(repeat('00', {BYTES}), 'hex'), now()
from generate_series(1, {LETTERS}) as n"""
COPY_AND_REDRIVE = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))
from contextlib import closing
from storeline.events import dead_letters, redrive
from storeline.stores import kafka, postgres
from storeline.settings import load
settings = load()
with closing(postgres.stream(settings).connect()) as connection, closing(kafka.producer(settings)) as producer:
    print(dead_letters.copy_out(connection, producer), redrive.redrive(settings))
"""


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@pytest.mark.slow(reason="360 MB, nightly 1.8 GB, pass through PostgreSQL, Python and Kafka, twice")
def test_large_dead_letters_are_copied_out_and_sent_again_in_little_memory(
    broker: Stack, sending: Sending, ask_source: Ask
) -> None:
    ask_source(WRITE)
    try:
        command = [sys.executable, "-c", COPY_AND_REDRIVE]
        ran = subprocess.run(command, env=broker.environment(), cwd=ROOT, capture_output=True, text=True)
        assert (ran.returncode, ran.stdout.split()) == (0, [str(LETTERS)] * 2), ran.stderr[-3000:]
    finally:
        ask_source("delete from ops.dead_letters")
