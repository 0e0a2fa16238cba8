"""A run that is killed, comes second or cannot begin leaves the shop unchanged, and says why in one line."""

import signal
from time import monotonic, sleep

import pytest
from psycopg2.extensions import connection as Connection

from generators import shop
from storeline.settings import Settings
from tests.integration.generate.shop_in_postgres import STRUCTURE, ask, command, counts, next_ids_are_free

pytestmark = pytest.mark.integration


@pytest.mark.faults
@pytest.mark.parametrize("argument", ["--if-empty", "--replace", "--append"])
def test_a_killed_run_leaves_the_shop_as_it_was(own: Settings, owner: Connection, argument: str) -> None:
    structure = ask(owner, STRUCTURE)
    if argument == "--append":
        shop.generate(own)
    before = counts(owner)
    run = command(own, argument, "--scale", "40")
    try:
        deadline = monotonic() + 60
        while not ask(owner, "select 1 from pg_stat_activity where query like 'copy source.order_details%'"):
            assert run.poll() is None, run.communicate()
            assert monotonic() < deadline
            sleep(0.01)
        run.send_signal(signal.SIGKILL)
    finally:
        run.kill()
        run.communicate()

    assert counts(owner) == before
    assert ask(owner, STRUCTURE) == structure
    assert next_ids_are_free(owner)


def test_of_two_runs_at_once_one_is_refused(own: Settings, owner: Connection) -> None:
    runs = [command(own) for _ in range(2)]
    ends = sorted((run.communicate()[1], run.returncode) for run in runs)

    assert [code for _, code in ends] == [0, 1]
    assert ends[1][0].startswith("shop: the shop is not empty")
    assert counts(owner)["orders"] == 3000


@pytest.mark.parametrize(
    ("changes", "arguments", "line"),
    [
        ({"POSTGRES_PORT": "1"}, [], "shop: PostgreSQL at "),
        ({}, ["--scale", "0"], "shop: SHOP_SCALE is '0': expected a number from 0.1 to 1000"),
        ({"SHOP_ORDERS": "0"}, [], "shop: SHOP_ORDERS gives no order"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    own: Settings, changes: dict[str, str], arguments: list[str], line: str
) -> None:
    run = command(Settings({**own.values, **changes}), *arguments)
    printed = run.communicate()[1]

    assert run.returncode == 1
    assert printed.startswith(line)
    assert printed.count("\n") == 1
