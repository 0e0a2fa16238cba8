"""Everything at once: the whole stack with both streams and a living shop, and whatever runs is killed or sleeps."""

import os
import time
from collections.abc import Iterator

import pytest

from native.airflow_api import Airflow
from native.stack import ON_REQUEST, SERVICES, Stack
from native.web import WebError
from storeline.changes.lag import lag as changes_lag
from storeline.errors import StorelineError
from storeline.events.lag import lags
from storeline.replica.verification import verify
from storeline.stores.drivers import DRIVER_ERRORS
from tests.chaos.load import load
from tests.chaos.victims import rage
from tests.end_to_end.runs import BUILD, CHANGES, COPY, STREAM, wait_for_rest, wait_until
from tests.integration.events import accounted
from tests.integration.living import books, check
from tests.marts.comparison import differences
from tests.stacks import with_free_ports

MINUTES = float(os.environ.get("STORELINE_CHAOS_MINUTES", "2"))
SEED = int(os.environ.get("STORELINE_CHAOS_SEED", "1"))
SECONDS_TO_HEAL = 120
SECONDS_OF_LAG = 10
RATES = {
    "PRODUCE_ORDERS_PER_SECOND": "10",
    "PRODUCE_USERS_PER_SECOND": "5",
    "PRODUCE_STATUS_SECONDS": "5",
    "PRODUCE_BROKEN_SHARE": "0.05",
    "LIVE_SHOP_TRANSACTIONS_PER_SECOND": "5",
    "LIVE_SHOP_LONG_TRANSACTION_SECONDS": "5",
}
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(60 * MINUTES + 1200)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return a whole stack with a filled shop, whose changes are captured, and no run yet."""
    with Stack(tmp_path_factory.mktemp("chaos"), with_free_ports(**RATES)) as stack:
        stack.run("generators.shop", "--if-empty")
        stack.start((*SERVICES, "connect"))
        yield stack


def is_well(stack: Stack) -> list[str]:
    """Return a line for everything that is not as it should be when nothing has died for a while."""
    airflow, found = Airflow(stack.settings), []
    for dag in (COPY, BUILD, STREAM, CHANGES):
        runs = airflow.runs(dag)
        ended = [run["state"] for run in runs if run["state"] not in ("queued", "running")]
        if airflow.call(f"/dags/{dag}")["is_paused"]:
            found.append(f"{dag} is paused")
        elif dag in (STREAM, CHANGES) and runs[0]["state"] != "running":
            found.append(f"{dag} is {runs[0]['state']}")
        elif dag not in (STREAM, CHANGES) and (not ended or ended[0] != "success"):
            found.append(f"{dag}: {[run['state'] for run in runs[:3]]}")
    for one in lags(stack.settings):
        if one.lag and (one.seconds or 0) > SECONDS_OF_LAG:
            found.append(f"{one.topic}: {one.lag} events wait, since {one.seconds:.0f} s")
    changes = changes_lag(stack.settings)
    assert changes is not None
    if changes.is_held_up or (changes.seconds or 0) > SECONDS_OF_LAG:
        found.append(f"{changes.topic}: {changes}")
    return found


def wait_until_well(stack: Stack, seconds: float) -> float:
    """Wait until everything is well and return how many seconds that took."""
    begun, unwell = time.monotonic(), ["nothing was looked at"]
    while unwell:
        try:
            unwell = is_well(stack)
        except (WebError, StorelineError, *DRIVER_ERRORS, OSError, KeyError) as error:
            unwell = [f"{type(error).__name__}: {error}"]
        assert not unwell or time.monotonic() - begun < seconds, "\n".join(unwell)
        time.sleep(1 if unwell else 0)
    return time.monotonic() - begun


@pytest.mark.slow(reason="it lasts as long as it is told to, and then waits until everything is well")
def test_whatever_dies_or_sleeps_the_platform_heals_by_itself(stack: Stack) -> None:
    airflow = Airflow(stack.settings)
    for dag in (COPY, BUILD, STREAM, CHANGES):
        airflow.unpause(dag, wait_seconds=180)
    wait_until(lambda: airflow.has_succeeded(BUILD), "marts")
    _, before = books(stack.settings)
    stack.start((*SERVICES, *ON_REQUEST))
    with load(stack.settings) as reader:
        blows = rage(stack, SEED, time.monotonic() + 60 * MINUTES, lambda blow: print(blow, flush=True))
        healed_seconds = wait_until_well(stack, SECONDS_TO_HEAL)
    print(f"{len(blows)} faults; well {healed_seconds:.0f} s after the last; looks {reader.looks}")
    assert reader.broken == []
    assert all(reader.looks.values())
    settle(stack, Airflow(stack.settings))
    check(stack.settings, before)


def settle(stack: Stack, airflow: Airflow) -> None:
    """Let all that writes end, and hold the books, the replica and the marts against what is then in the shop."""
    stack.stop(("producers", "live-shop"))
    wait_until(lambda: even(stack), "an outcome for every offset", SECONDS_TO_HEAL)
    accounted(stack.settings)
    wait_for_rest(airflow)
    # What the stream of changes has brought; the copy comes afterwards.
    assert [one.table for one in verify(stack.settings) if not one.is_equal or one.behind] == []
    airflow.trigger(COPY)
    wait_for_rest(airflow)
    assert airflow.runs(COPY)[0]["state"] == airflow.runs(BUILD)[0]["state"] == "success"
    assert differences(stack.settings) == []


def even(stack: Stack) -> bool:
    """Tell whether nothing waits for its outcome any more."""
    return all(one.lag == 0 for one in lags(stack.settings))
