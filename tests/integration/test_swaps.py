"""What readers see while a set of tables changes over: all of the old state or all of the new one."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from mysql.connector import Error as DriverError
from mysql.connector import errorcode

from storeline.generation import Generations
from storeline.settings import Settings
from storeline.stores import mysql, mysql_swap
from tests.seeds import SEEDS

pytestmark = [pytest.mark.integration, pytest.mark.faults]

SET = Generations("swapped", "swapped_generation")
TABLES = ("heads", "lines")
RUN_ID = "20260131T120000_1a2b3c"
SWAPS = 20
ROWS = 2000


@pytest.fixture
def generations(settings: Settings) -> Iterator[Any]:
    """Create the test's own databases and return a connection that publishes in them."""
    with closing(mysql.admin(settings).connect()) as connection:
        for database in (SET.live, SET.staging, SET.previous):
            mysql.do(connection, f"drop database if exists {database}")
            mysql.do(connection, f"create database {database}")
        mysql_swap.drop_tables(connection, "ops", [f"{SET.ledger}{end}" for end in ("", "_next", "_previous")])
        mysql.do(connection, f"create table ops.{SET.ledger} (table_name varchar(64), number int)")
        publish(connection, 0)
        yield connection
        for database in (SET.live, SET.staging, SET.previous):
            mysql.do(connection, f"drop database {database}")
        mysql_swap.drop_tables(connection, "ops", [f"{SET.ledger}{end}" for end in ("", "_next", "_previous")])


def create(connection: Any, number: int) -> dict[str, str]:
    """Create empty staging tables for a generation; return live name -> staging table."""
    staged = {name: SET.staging_name(number, RUN_ID, name) for name in TABLES}
    for table in staged.values():
        mysql.do(connection, f"create table {SET.staged(table)} (id int primary key, generation int not null)")
    return staged


def load(connection: Any, table: str, number: int, first: int, end: int) -> None:
    values = ", ".join(f"({row}, {number})" for row in range(first, end))
    mysql.do(connection, f"insert into {SET.staged(table)} values {values}")


def finish(connection: Any, staged: dict[str, str], with_index: bool) -> None:
    """End the load as the jobs do: with the indexes, if there are any, and the mark."""
    for table in staged.values():
        if with_index:
            mysql.do(connection, f"alter table {SET.staged(table)} add index by_generation (generation)")
        mysql_swap.mark_loaded(connection, SET.staged(table))


def publish(connection: Any, number: int, wait_seconds: float = 10, with_index: bool = False) -> None:
    staged = create(connection, number)
    for table in staged.values():
        load(connection, table, number, 0, ROWS)
    finish(connection, staged, with_index)
    swap(connection, staged, number, wait_seconds)


def swap(connection: Any, staged: dict[str, str], number: int, wait_seconds: float = 10) -> None:
    registered = ", ".join(f"('{name}', {number})" for name in TABLES)
    mysql.do(connection, f"insert into {SET.begin_ledger(connection)} values {registered}")
    SET.publish(connection, staged, RUN_ID, wait_seconds)
    SET.drop_dead_staging(connection)


JOINED = f"""select h.generation, l.generation, count(*), (select max(number) from ops.{SET.ledger})
             from {SET.live}.heads h join {SET.live}.lines l on l.id = h.id group by 1, 2"""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reader_in_a_loop_sees_no_error_and_no_mix_over_twenty_swaps(
    settings: Settings, generations: Any, seed: int
) -> None:
    chance, seen, wrong, stop = random.Random(seed), set(), [], threading.Event()

    def read() -> None:
        with closing(mysql.admin(settings).connect()) as connection:
            while not stop.is_set():
                try:
                    ((heads, lines, rows, ledger),) = mysql.ask(connection, JOINED)
                except (DriverError, ValueError) as error:
                    wrong.append(repr(error))
                    return
                if heads != lines or heads != ledger or rows != ROWS:
                    wrong.append((heads, lines, rows, ledger))
                seen.add(heads)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, SWAPS + 1):
        time.sleep(chance.uniform(0, 0.05))
        publish(generations, number, with_index=number % 2 == 0)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(seen) > 2
    assert mysql.ask(generations, JOINED) == [(SWAPS, SWAPS, ROWS, SWAPS)]


@pytest.mark.parametrize("with_index", [True, False], ids=["with an index", "without an index"])
def test_a_transaction_that_began_during_the_load_sees_the_old_state_or_error_1412(
    settings: Settings, generations: Any, with_index: bool
) -> None:
    staged = create(generations, 1)
    for table in staged.values():
        load(generations, table, 1, 0, ROWS // 2)
    with closing(mysql.admin(settings).connect(autocommit=False)) as reader:
        mysql.do(reader, "start transaction with consistent snapshot")
        for table in staged.values():
            load(generations, table, 1, ROWS // 2, ROWS)
        finish(generations, staged, with_index)
        swap(generations, staged, 1)
        for query in (f"select count(*) from {SET.live}.heads", f"select max(id) from {SET.live}.lines", JOINED):
            with pytest.raises(DriverError) as error:
                mysql.ask(reader, query)
            assert error.value.errno == errorcode.ER_TABLE_DEF_CHANGED
        reader.rollback()
        assert mysql.ask(reader, JOINED) == [(1, 1, ROWS, 1)]


def test_a_transaction_held_open_over_the_swap_is_named_and_nothing_is_half_done(
    settings: Settings, generations: Any
) -> None:
    publish(generations, 1)
    with closing(mysql.admin(settings).connect(autocommit=False)) as reader:
        mysql.ask(reader, f"select count(*) from {SET.live}.heads")
        number = mysql.ask(reader, "select connection_id()")[0][0]
        with pytest.raises(mysql.MysqlError, match=rf"connection {number} \(root@.*holds a transaction open"):
            publish(generations, 2, wait_seconds=4)
        assert mysql.ask(reader, JOINED) == [(1, 1, ROWS, 1)]
    assert mysql.ask(generations, JOINED) == [(1, 1, ROWS, 1)]
    assert mysql.ask(generations, f"select distinct generation from {SET.previous}.heads") == [(0,)]
    SET.drop_dead_staging(generations)
    publish(generations, 3)
    assert mysql.ask(generations, JOINED) == [(3, 3, ROWS, 3)]


def test_a_swap_waits_for_a_reader_that_ends_in_time(settings: Settings, generations: Any) -> None:
    with closing(mysql.admin(settings).connect(autocommit=False)) as reader:
        mysql.ask(reader, f"select count(*) from {SET.live}.heads")
        ends = threading.Timer(3, reader.rollback)
        ends.start()
        publish(generations, 1, wait_seconds=30)
        ends.join()
    assert mysql.ask(generations, JOINED) == [(1, 1, ROWS, 1)]
    assert mysql.tables_of(generations, SET.staging) == set()


def test_left_overs_that_a_sleeping_run_still_uses_are_dropped_all_the_same(
    settings: Settings, generations: Any
) -> None:
    heads = SET.staged(create(generations, 9)["heads"])
    with closing(mysql.admin(settings).connect(autocommit=False)) as sleeper:
        mysql.do(sleeper, f"insert into {heads} values (1, 9)")
        SET.drop_dead_staging(generations)
        assert mysql.tables_of(generations, SET.staging) == set()
        with pytest.raises(DriverError):
            mysql.do(sleeper, f"insert into {heads} values (2, 9)")


def test_exchanging_generations_takes_tables_that_only_one_of_them_has(generations: Any) -> None:
    publish(generations, 1)
    mysql.do(generations, f"create table {SET.live}.added (id int primary key)")
    mysql.do(generations, f"insert into ops.{SET.ledger} values ('added', 1)")
    SET.exchange(generations, wait_seconds=5)
    assert mysql.ask(generations, JOINED) == [(0, 0, ROWS, 0)]
    assert mysql.tables_of(generations, SET.live) == set(TABLES)
    assert mysql.tables_of(generations, SET.previous) == {*TABLES, "added"}


def test_a_size_is_that_of_the_table_that_has_the_name_now(generations: Any) -> None:
    before = mysql.data_bytes(generations, SET.live, "lines")
    staged = create(generations, 1)
    for first in range(0, 20 * ROWS, ROWS):
        load(generations, staged["lines"], 1, first, first + ROWS)
    generations.commit()
    finish(generations, staged, with_index=False)
    mysql.ask(generations, f"analyze table {SET.staged(staged['lines'])}")
    swap(generations, staged, 1)
    assert mysql.data_bytes(generations, SET.live, "lines") > 4 * before
