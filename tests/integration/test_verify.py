"""What was changed behind the platform's back in the replica is named by key and column, and repaired, alone."""

import json
import threading
from contextlib import closing
from typing import Any

import pytest
from pyspark.sql import SparkSession

import storeline.__main__ as command
from storeline.errors import StorelineError
from storeline.replica.differences import Difference
from storeline.replica.repair import Repaired, repair
from storeline.replica.verification import fields, verify
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from storeline.tables import TABLES
from tests.integration.events import Ask
from tests.integration.jobs import copy_here

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
BEHIND_THE_BACK = (
    "update replica.products set price = price + 1, name = 'other, \"name\"' where product_id = 7",
    "delete from replica.products where product_id = 8",
    "insert into replica.products select 900001, name, description, category_id, price, stock_quantity, creation_date, "
    "updated_at from replica.products where product_id = 9",
)
FOUND = [
    Difference("7", "changed", ("name", "price")),
    Difference("8", "missing"),
    Difference("900001", "extra"),
]


@pytest.fixture
def copied(settings: Settings, spark: SparkSession) -> Settings:
    """Return how to reach a replica that was just copied."""
    copy_here(settings, spark)
    return settings


@pytest.fixture
def tampered(copied: Settings, target: Any) -> Settings:
    """Return how to reach a replica in which three rows were changed."""
    for statement in BEHIND_THE_BACK:
        assert mysql.do(target, statement) == 1
    return copied


def products(settings: Settings) -> tuple[list[Difference], int]:
    (found,) = verify(settings, ["products"])
    return found.differences, found.behind


def test_a_fresh_copy_is_equal_table_by_table(copied: Settings, ask_target: Ask) -> None:
    found = verify(copied)
    assert [one.table for one in found] == [table.name for table in TABLES]
    assert all(one.is_equal and not one.behind and one.rows for one in found)
    kept = ask_target("select table_name, differing, behind from ops.verifications order by verified_at desc limit 7")
    assert {name for name, *_ in kept} == {table.name for table in TABLES}
    assert {(differing, behind) for _, differing, behind in kept} == {(0, 0)}


def test_exactly_the_changed_keys_and_columns_are_named(tampered: Settings, ask_target: Ask) -> None:
    assert products(tampered) == (FOUND, 0)
    last = "select differing, first_key from ops.verifications where table_name = 'products' order by verified_at desc"
    assert ask_target(f"{last} limit 1") == [(3, "changed (7): name, price")]


def test_a_null_where_the_source_has_come_to_allow_none_is_named(copied: Settings, target: Any) -> None:
    mysql.do(target, "alter table replica.products modify name varchar(255)")
    assert mysql.do(target, "update replica.products set name = null where product_id = 7") == 1
    assert products(copied) == ([Difference("7", "changed", ("name",))], 0)


def test_a_repair_touches_exactly_these_rows(tampered: Settings, ask_source: Ask, ask_target: Ask) -> None:
    assert repair(tampered, "products", is_dry=True) == Repaired(1, 1, 1)
    assert products(tampered) == (FOUND, 0)
    assert repair(tampered, "products") == Repaired(1, 1, 1)
    assert products(tampered) == ([], 0)
    rows = "select product_id, name, price from {} where product_id in (7, 8, 900001) order by 1"
    assert ask_target(rows.format("replica.products")) == ask_source(rows.format("source.products"))
    assert repair(tampered, "products") == Repaired(0, 0, 0)


def test_a_repair_that_finds_nothing_left_says_so_in_the_record(copied: Settings, ask_target: Ask, target: Any) -> None:
    change = "update replica.products set stock_quantity = stock_quantity {} 1 where product_id = 7"
    last = "select differing from ops.verifications where table_name = 'products' order by verified_at desc limit 1"
    mysql.do(target, change.format("+"))
    assert len(products(copied)[0]) == 1
    mysql.do(target, change.format("-"))
    assert repair(copied, "products", is_dry=True) == Repaired(0, 0, 0)
    assert ask_target(last) == [(1,)]
    assert repair(copied, "products") == Repaired(0, 0, 0)
    assert ask_target(last) == [(0,)]


def test_what_the_source_changed_since_the_copy_is_behind_and_stays_so(tampered: Settings, ask_source: Ask) -> None:
    ask_source("update source.products set stock_quantity = stock_quantity + 1 where product_id in (20, 21)")
    assert products(tampered) == (FOUND, 2)
    assert repair(tampered, "products") == Repaired(1, 1, 1)
    assert products(tampered) == ([], 2)


def test_a_row_that_the_source_deleted_is_behind_in_a_replica_that_nobody_changed(
    copied: Settings, ask_source: Ask
) -> None:
    ask_source("create table kept as select * from source.reviews where review_id = 3")
    ask_source("delete from source.reviews where review_id = 3")
    try:
        (found,) = verify(copied, ["reviews"])
        assert (found.differences, found.behind) == ([], 1)
    finally:
        ask_source("insert into source.reviews select * from kept")
        ask_source("drop table kept")


def test_a_writer_at_the_source_all_the_time_changes_no_finding(tampered: Settings) -> None:
    with writing(tampered):
        for _ in range(3):
            assert products(tampered)[0] == FOUND
        assert repair(tampered, "products") == Repaired(1, 1, 1)
        assert products(tampered)[0] == []


class writing:
    """Update products other than the tampered ones, as fast as PostgreSQL takes it."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.ended = settings, threading.Event()
        self.thread = threading.Thread(target=self.write)

    def write(self) -> None:
        with closing(postgres.owner(self.settings).connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not self.ended.is_set():
                    cursor.execute(
                        """update source.products set stock_quantity = (stock_quantity + 1) % 1000
                           where product_id = 100 + (random() * 600)::int"""
                    )

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


def test_more_than_a_share_of_a_table_is_repaired_by_all_only(copied: Settings, target: Any) -> None:
    mysql.do(target, "update replica.products set name = concat(name, '!')")
    with pytest.raises(StorelineError, match=r"^\d+ of \d+ rows of products differ, more than REPAIR_SHARE_LIMIT"):
        repair(copied, "products")
    changed = repair(copied, "products", is_all=True)
    assert (changed.inserted, changed.deleted) == (0, 0)
    assert changed.updated > 100
    assert products(copied) == ([], 0)


@pytest.mark.parametrize("name", ["nothing", "pg_class"])
def test_a_table_that_the_replica_lacks_is_one_line(copied: Settings, name: str) -> None:
    with pytest.raises(StorelineError, match=f"^the replica has no {name}: run replicate_postgres_to_mysql first$"):
        verify(copied, [name])


def test_the_command_names_the_keys_and_exits_with_one(
    tampered: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "load", lambda: tampered)
    assert command.main(["verify", "products", "--limit", "2"]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == [
        "products  800     3            0",
        "products: changed (7): name, price",
        "products: missing (8)",
        "products: and 1 more",
    ]
    assert command.main(["verify", "--json", "users", "products"]) == 1
    found = {one["table"]: (one["is_equal"], len(one["differences"])) for one in json.loads(capsys.readouterr().out)}
    assert found == {"users": (True, 0), "products": (False, 3)}
    assert command.main(["repair", "products"]) == 0
    assert capsys.readouterr().out == "repair: products: 1 rows were inserted, 1 updated, 1 deleted\n"
    assert command.main(["verify", "products"]) == 0


def test_the_fields_of_a_line_keep_their_quotes() -> None:
    assert fields('1,"a,b","say ""x""\n",NULL,"NULL","",\n') == [
        "1",
        '"a,b"',
        '"say ""x""\n"',
        "NULL",
        '"NULL"',
        '""',
        "",
    ]
