"""The living shop as a service of the native stack: only when asked for, and ended alone."""

from pathlib import Path

import pytest

from native.stack import Stack
from native.supervision import log_of
from tests.integration.living import count, until
from tests.stacks import with_free_ports

pytestmark = pytest.mark.integration
SIZES = {"USERS": "20", "PRODUCTS": "20", "ORDERS": "30", "REVIEWS": "0", "LOYALTY_ENTRIES": "0"}


def running(stack: Stack) -> set[str]:
    return {one.name for one in stack.status() if one.pid}


def test_it_runs_when_asked_for_waits_for_a_shop_and_is_stopped_alone(tmp_path: Path) -> None:
    small = {f"SHOP_{name}": size for name, size in SIZES.items()}
    settings = with_free_ports(**small, LIVE_SHOP_TRANSACTIONS_PER_SECOND="50")
    with Stack(tmp_path / "stack", settings, ("postgres",)) as stack:
        assert running(stack) == {"postgres"}

        stack.start(("live-shop",))
        log = log_of(stack.home, "live-shop")
        until(lambda: log.exists() and "waiting for PostgreSQL: the shop has no users" in log.read_text(), "it waits")
        stack.run("generators.shop")
        until(lambda: count(settings) > 30, "it sells")
        assert running(stack) == {"postgres", "live-shop"}

        stack.stop(("live-shop",))
        assert running(stack) == {"postgres"}
        assert log.read_text().endswith("; stopped\n")
