"""The living shop before it meets a server: what it chooses, and how it waits."""

import os
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from generators.invariants import moved
from generators.live.actions import ACTIONS, choose
from generators.live.orders import points
from generators.live_shop import PAUSES, LiveShop
from generators.words import vocabulary
from native.process import environment
from native.stack import LATER, ON_REQUEST, SERVICES
from storeline.accounts import POSTGRES_LIVE_SHOP
from storeline.settings import ROOT, Settings, load
from storeline.stores import postgres

UNREACHABLE = Settings(
    {**load(environment={}).values, "POSTGRES_PORT": "1", "POSTGRES_LIVE_SHOP_PASSWORD": "canary-of-the-live-shop"}
)


def chosen(seed: str, count: int = 3000) -> list[str]:
    random = Random(seed)
    return [choose(random) for _ in range(count)]


def test_the_same_seed_chooses_the_same_actions():
    assert chosen("1") == chosen("1")
    assert chosen("1") != chosen("2")


def test_every_action_is_chosen_about_as_often_as_its_weight_says():
    counts, whole = Counter(chosen("1", 20_000)), sum(weight for weight, _ in ACTIONS.values())

    assert {name: round(counts[name] / 20_000, 2) for name in ACTIONS} == pytest.approx(
        {name: weight / whole for name, (weight, _) in ACTIONS.items()}, abs=0.015
    )


@pytest.mark.parametrize(("total", "earned"), [("0", 1), ("9.99", 1), ("19.99", 1), ("20.00", 2), ("1234.56", 123)])
def test_ten_dollars_are_a_point_and_an_order_earns_at_least_one(total: str, earned: int):
    assert points(Decimal(total)) == earned


def test_a_balance_has_moved_when_it_differs_or_appears_with_another_value_than_zero():
    assert moved({1: 5, 2: 7, 3: 1}, {1: 5, 2: 8, 4: 0, 5: 3}) == {2: 8, 5: 3}


class Patient(LiveShop):
    """Remembers its pauses instead of waiting."""

    def rest(self, seconds: float) -> None:
        rests.append(seconds)


rests: list[float] = []


def test_it_waits_longer_each_time_and_says_so_once(capsys: pytest.CaptureFixture[str]):
    rests.clear()
    shop = Patient(postgres.login(UNREACHABLE, POSTGRES_LIVE_SHOP), 1, 1, Random("1"), vocabulary(1))
    for _ in range(len(PAUSES) + 2):
        shop.wait_for_postgresql(postgres.PostgresError("connection refused\nat all"))

    assert rests == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    assert rests == sorted(rests)
    assert capsys.readouterr().out == "live_shop: waiting for PostgreSQL: connection refused\n"


def test_it_ends_when_told_to_while_nobody_answers_and_shows_no_password():
    process = subprocess.Popen(
        (sys.executable, "-m", "generators.live_shop"),
        env={**os.environ, **environment(UNREACHABLE)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    lines = [process.stdout.readline(), process.stdout.readline()]
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=20)[0]

    assert process.returncode == 0
    assert lines[1].startswith("live_shop: waiting for PostgreSQL: PostgreSQL at 127.0.0.1:1 as storeline_live_shop: ")
    assert rest == "live_shop: 0 transactions; stopped\n"
    assert "canary" not in "".join((*lines, rest))


def test_it_starts_only_when_asked_for():
    compose = (ROOT / "docker-compose.yml").read_text()
    service = compose.partition("\n  live-shop:\n")[2].partition("\n\n")[0]

    assert "live-shop" in ON_REQUEST
    assert not set(ON_REQUEST) & set(SERVICES)
    assert set(ON_REQUEST) < set(LATER)
    assert "    profiles: [live]\n" in service
