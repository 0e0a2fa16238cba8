"""What chaos can hit: every server of a stack, every driver and every executor, killed or put to sleep."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from native.members import members
from native.stack import Stack
from tests.integration.faults.suffering import happen, is_executor

SECONDS_BETWEEN = (8, 30)
SECONDS_ASLEEP = (3, 20)
# Producers are not among them: what they had not recorded when they were killed could not be accounted for.
SPARED = ("produce-orders", "produce-users")
LOOKED_FOR_SECONDS = 5  # a driver or an executor is there only now and then


@dataclass(frozen=True)
class Blow:
    """A fault as it happened: when, to whom, and for how long the victim slept (0: it was killed)."""

    at: float
    victim: str
    asleep_seconds: float

    def __str__(self) -> str:
        what = f"slept for {self.asleep_seconds:.0f} s" if self.asleep_seconds else "was killed"
        return f"{self.at:6.1f} s: {self.victim} {what}"


def rage(stack: Stack, seed: int, until: float, say: Callable[[Blow], None]) -> list[Blow]:
    """Hit one victim after the other until a moment of the monotonic clock; none is left asleep."""
    chance, begun, blows = random.Random(seed), time.monotonic(), []
    names = ["driver", "executor", *sorted(one.name for one in stack.status() if one.name not in SPARED)]
    while True:
        time.sleep(chance.uniform(*SECONDS_BETWEEN))
        name, sleeps, seconds = chance.choice(names), chance.random() < 0.5, chance.uniform(*SECONDS_ASLEEP)
        if time.monotonic() >= until:
            return blows
        if found := find(stack, name):
            blows.append(Blow(time.monotonic() - begun, name, seconds if sleeps else 0))
            say(blows[-1])
            happen(found, blows[-1].asleep_seconds)


def find(stack: Stack, name: str) -> list[psutil.Process]:
    """Return the processes of a victim; none where it does not run."""
    deadline = time.monotonic() + LOOKED_FOR_SECONDS
    while time.monotonic() < deadline:
        if found := _find(stack, name):
            return found
        time.sleep(0.2)
    return []


def _find(stack: Stack, name: str) -> list[psutil.Process]:
    if name == "driver":
        return [one for one in members(stack.home) if "SparkSubmit" in _command(one)][:1]
    if name == "executor":
        return [one for one in members(stack.home) if is_executor(one)][:1]
    with suppress(psutil.NoSuchProcess):
        return [psutil.Process(one.pid) for one in stack.status() if one.name == name and one.pid]
    return []


def _command(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""
