"""The shop's changes from PostgreSQL through Debezium, Kafka and Spark into the replica, beside the copy."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mysql.connector import Error as DriverError
from mysql.connector import errorcode
from pyspark.sql import SparkSession

from generators.invariants import RULES
from native.stack import Stack
from spark_jobs import replicate
from storeline.changes.lag import lag
from storeline.replica import applied
from storeline.replica.repair import Repaired, repair
from storeline.replica.verification import verify
from storeline.settings import Settings
from storeline.stores import mysql
from tests.integration.capturing import Capturing
from tests.integration.conftest import submit
from tests.integration.jobs import copy_here, run_here
from tests.integration.living import Living, count, until
from tests.stacks import QUICK_KAFKA, with_free_ports

pytestmark = pytest.mark.integration
LIVING = {"LIVE_SHOP_TRANSACTIONS_PER_SECOND": "50", "LIVE_SHOP_LONG_TRANSACTION_SECONDS": "1"}
SECONDS_TO_START = 240  # a driver, on a machine that does much else
TOUCH = "update source.users set phone = coalesce(phone, '') || '1' where user_id = 500"


@pytest.fixture(scope="module")
def capturing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Capturing]:
    """Return a stack whose changes are captured, with a shop that these tests may change."""
    servers = ("postgres", "mysql", "kafka")
    with Stack(tmp_path_factory.mktemp("stack"), with_free_ports(**LIVING, **QUICK_KAFKA), servers) as stack:
        stack.run("generators.shop")
        stack.start(("connect",))
        yield Capturing(stack)


@pytest.fixture
def catch_up(capturing: Capturing, spark: SparkSession) -> Callable[[], None]:
    """Return a function that applies everything that was committed until now."""

    def run() -> None:
        capturing.of(capturing.write(TOUCH))
        code, said = run_here(capturing.settings, "stream_changes", "--until-caught-up")
        assert code == 0, said

    return run


def differing(settings: Settings) -> dict[str, list[str]]:
    """Return what the verification of the replica finds."""
    return {one.table: [*one.lines(5), f"{one.behind} behind"] for one in verify(settings) if not one.is_equal}


def broken(settings: Settings) -> dict[str, object]:
    """Return the rules of the shop that a reader of the replica sees broken."""
    with closing(mysql.analyst(settings).connect()) as connection:
        connection.start_transaction(consistent_snapshot=True, isolation_level="REPEATABLE READ")
        asked = {rule: mysql.ask(connection, query.format(shop="replica")) for rule, query in RULES.items()}
        return {rule: found for rule, found in asked.items() if found}


@pytest.mark.slow(reason="the stack's first copy, a verification, and the stream's first query in a cold session")
def test_whatever_happens_to_rows_arrives(
    capturing: Capturing, spark: SparkSession, catch_up: Callable[[], None]
) -> None:
    settings = capturing.settings
    copy_here(settings, spark)
    large = "".join(chr(97 + (n * n * 31 + n * 7) % 26) for n in range(50_000))
    capturing.write(
        "alter table source.reviews alter column review_text set storage external",
        f"update source.reviews set review_text = '{large}' where review_id in (1, 2)",
        "delete from source.reviews where review_id between 10 and 19",
    )
    # The large texts are not sent again, neither with another column nor with another key.
    capturing.write("update source.reviews set rating = 6 - rating where review_id <= 5")
    capturing.write("update source.reviews set review_id = 1000000 where review_id = 2")
    capturing.write(
        "create temporary table two on commit drop as select user_id, email from source.users where user_id < 3",
        "update source.users set email = 'swap@x' where user_id = 1",
        "update source.users set email = (select email from two where user_id = 1) where user_id = 2",
        "update source.users set email = (select email from two where user_id = 2) where user_id = 1",
    )
    capturing.write(
        "truncate source.loyalty_points",
        """insert into source.loyalty_points (user_id, points, reason, created_at)
           values (1, 5, 'Order', '2026-11-22T10:00:00.5Z'), (1, -5, 'Refund', '0001-01-01T00:00:00.000001Z')""",
    )
    capturing.write(*(f"update source.products set price = {n}.10 where product_id = 3" for n in range(1000)))
    catch_up()
    assert differing(settings) == {}
    found = lag(settings)
    assert found is not None
    assert found.next_offset > 1000
    assert found.is_held_up is None
    with closing(mysql.analyst(settings).connect()) as connection:
        query = "select review_id, length(review_text) from replica.reviews where review_id in (1, 1000000) order by 1"
        assert mysql.ask(connection, query) == [(1, 50_000), (1_000_000, 50_000)]


def test_a_row_that_comes_and_goes_while_it_is_verified_is_not_named(
    capturing: Capturing, catch_up: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    capturing.write("insert into source.reviews select 2000000, 1, 1, 5, null, now(), now()")

    def between_the_looks(settings: Settings, run_id: str) -> None:
        catch_up()
        capturing.write("delete from source.reviews where review_id = 2000000")

    monkeypatch.setattr(applied, "catch_up", between_the_looks)
    (found,) = verify(capturing.settings, ["reviews"])
    assert (found.differences, found.behind) == ([], 1)
    assert repair(capturing.settings, "reviews") == Repaired(0, 0, 0)


def test_a_copy_holds_nobody_up_and_has_what_the_stream_applied_meanwhile(
    capturing: Capturing, spark: SparkSession, catch_up: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = capturing.settings
    phones = "select user_id, phone from replica.users where user_id in (3, 4, 6000000) order by 1"

    def ask() -> list[tuple[object, ...]]:
        with closing(mysql.analyst(settings).connect()) as connection:
            return mysql.ask(connection, phones)

    def finish(copy: replicate.Copy, *others: Any) -> None:
        finish_staging(copy, *others)
        capturing.write(
            "update source.users set phone = 'meanwhile' where user_id = 3",
            """insert into source.users (
                   user_id, first_name, last_name, email, phone, registration_date, loyalty_status
               )
               select 6000000, first_name, last_name, 'new@x', 'new', registration_date, loyalty_status
               from source.users where user_id = 1""",
        )
        catch_up()
        seen.append(ask())
        # The stream does not run again before the swap.
        capturing.write("update source.users set phone = 'later' where user_id = 4")

    finish_staging, seen = replicate.finish_staging, list[list[tuple[object, ...]]]()
    capturing.write("update source.users set phone = 'before' where user_id in (3, 4)")
    copy_here(settings, spark)
    catch_up()
    monkeypatch.setattr(replicate, "finish_staging", finish)
    copy_here(settings, spark)
    assert seen == [[(3, "meanwhile"), (4, "before"), (6_000_000, "new")]]
    assert ask() == seen[0]
    catch_up()
    assert ask() == [(3, "meanwhile"), (4, "later"), (6_000_000, "new")]
    assert differing(settings) == {}
    capturing.write("delete from source.users where user_id = 6000000")


@pytest.mark.faults
@pytest.mark.slow(reason="a shop that lives for half a minute, four copies meanwhile, and drivers that start again")
def test_while_the_shop_lives_copies_run_and_drivers_die_no_reader_sees_a_half(
    capturing: Capturing, spark: SparkSession, catch_up: Callable[[], None], tmp_path: Path
) -> None:
    settings, seen, ended = capturing.settings, list[dict[str, object]](), threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                seen.append(broken(settings))
            except DriverError as error:
                # A transaction that is open across a swap gets an error, never a part.
                if error.errno not in (errorcode.ER_TABLE_DEF_CHANGED, errorcode.ER_LOCK_DEADLOCK):
                    raise

    copy_here(settings, spark)
    shop = Living(capturing.stack, settings, tmp_path / "shop.log")
    stream = submit(capturing.stack, "stream_changes")
    reader = threading.Thread(target=look)
    reader.start()
    try:
        for round_ in range(3):
            before, applied = count(settings), position(settings)
            until(lambda before=before: count(settings) > before + 100, "the shop sells")
            if round_ == 1:
                kill(stream)
                stream = submit(capturing.stack, "stream_changes")
            until(lambda applied=applied: position(settings) > applied, "changes are applied", SECONDS_TO_START)
            if round_ == 2:
                assert differing(settings) == {}
                assert named_when_tampered(settings) == ["changed (7): name"]
            copy_here(settings, spark)
    finally:
        shop.end()
        ended.set()
        reader.join()
        kill(stream)
    assert len(seen) > 10
    assert [one for one in seen if one] == []
    catch_up()
    assert differing(settings) == {}
    assert broken(settings) == {}


def named_when_tampered(settings: Settings) -> list[str]:
    """Change a row of the replica behind the stream's back; return what the verification names, and repair it."""
    with closing(mysql.admin(settings).connect()) as connection:
        mysql.do(connection, "update replica.product_categories set name = 'other' where category_id = 7")
    (found,) = verify(settings, ["product_categories"])
    assert repair(settings, "product_categories", is_all=True) == Repaired(0, 1, 0)
    return list(map(str, found.differences))


def position(settings: Settings) -> int:
    found = lag(settings)
    return found.next_offset if found else 0


def kill(stream: subprocess.Popen[str]) -> None:
    """Kill a driver: Java, and with it the Python process that it started."""
    for child in children(stream.pid):
        os.kill(child, signal.SIGKILL)
    stream.kill()
    for said in stream.communicate():
        print(said)  # shown if the test fails


def children(pid: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*found, *(grand for one in found for grand in children(one))]
