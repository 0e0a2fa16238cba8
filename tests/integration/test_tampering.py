"""Whatever happens to a row between its sending and the swap is seen: each way of tampering stops the copy."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from pyspark.sql import SparkSession

from storeline.errors import StorelineError
from storeline.replica import finishing
from storeline.replica.contents import hash_of, read_back
from storeline.replica.finishing import Checked, verify
from storeline.replica.source import SourceTable
from storeline.settings import Settings
from storeline.stores import mysql, postgres
from storeline.tables import TABLES
from tests.integration.events import Ask
from tests.integration.jobs import copy_here

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]

AT = "where product_id in (11, 12)"
SWAP = """update {t} as a join {t} as b on (a.product_id, b.product_id) in ((11, 12), (12, 11))
set a.{c} = b.{c}"""
TAMPERED = {
    "a bit of a text": "update {t} set name = concat(char(ascii(name) ^ 1 using utf8mb4), substring(name, 2)) " + AT,
    "the case of a letter": "update {t} set name = upper(name) " + AT,
    "a blank at the end": "update {t} set name = concat(name, ' ') " + AT,
    "the last digit of a number": "update {t} set price = price + 0.01 where product_id = 11",
    "a microsecond": "update {t} set creation_date = creation_date + interval 1 microsecond where product_id = 11",
    "a null that became a text": "update {t} set description = 'NULL' where product_id = 11",
    "a null that became empty": "update {t} set description = '' where product_id = 11",
    "an empty text that became null": "update {t} set description = null where product_id = 12",
    "two rows' values": SWAP.replace("{c}", "price"),
    "two rows' keys": "update {t} set product_id = case product_id when 11 then 900011 else 11 end " + AT,
    "two columns": "update {t} set name = description, description = name where product_id = 13",
    "where one text ends and the next begins": "update {t} set name = 'a', description = 'b,c' where product_id = 14",
    "a lost row": "delete from {t} where product_id = 11",
    "a doubled row": "insert into {t} select 900011, name, description, category_id, price, stock_quantity, "
    "creation_date, updated_at from {t} where product_id = 11",
    "a lost row and a doubled one": "update {t} set product_id = 900011 where product_id = 11",
    "money moved from one row to another": "update {t} set price = price + if(product_id = 11, 1, -1) " + AT,
    "all rows": "delete from {t}",
}


@pytest.fixture(scope="module")
def edges(settings: Settings) -> Iterator[None]:
    """Give a few products the values at the edges that are tampered with."""
    with closing(postgres.owner(settings).connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "create temporary table kept as select * from source.products where product_id between 11 and 14"
        )
        cursor.execute(
            """update source.products set description = null where product_id = 11;
               update source.products set description = '' where product_id = 12;
               update source.products set description = 'a description' where product_id = 13;
               update source.products set name = 'a,b', description = 'c' where product_id = 14;
               update source.products set price = price + 10 where product_id = 12"""
        )
        connection.commit()
        yield
        cursor.execute(
            """update source.products as p set name = k.name, description = k.description, price = k.price
               from kept as k where k.product_id = p.product_id"""
        )


@pytest.fixture(scope="module")
def said(settings: Settings, spark: SparkSession, edges: None) -> dict[str, str]:
    """Return what the comparison says of each way of tampering with the staged products, each undone again."""
    found: dict[str, str] = {}
    check = finishing.check

    def check_and_tamper(login: mysql.Login, table: SourceTable, staged: str, part: str) -> Checked:
        checked = check(login, table, staged, part)
        with closing(login.connect()) as connection:
            for name, tampering in TAMPERED.items() if table.name == "products" else ():
                connection.start_transaction()
                assert mysql.do(connection, tampering.replace("{t}", staged)) > 0, name
                with pytest.raises(StorelineError) as error:
                    verify(table, read_back(connection, table, staged, part), checked[0])
                found[name] = str(error.value)
                connection.rollback()
        return checked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "check", check_and_tamper)
        copy_here(settings, spark)  # which compares what was checked with what was sent
    return found


@pytest.mark.parametrize("name", TAMPERED)
def test_each_way_of_tampering_is_seen(said: dict[str, str], name: str) -> None:
    assert re.fullmatch(r"products: staging holds \d+ rows .*; the replica is unchanged", said[name])


def test_a_copy_that_was_tampered_with_is_not_published(
    settings: Settings, spark: SparkSession, ask_target: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ask_target("select run_id from ops.bases")
    check = finishing.check

    def tamper_and_check(login: mysql.Login, table: SourceTable, staged: str, part: str) -> Checked:
        if table.name == "products":
            with closing(login.connect(autocommit=True)) as connection:
                mysql.do(connection, f"update {staged} set price = price + 0.01 where product_id = 11")
        return check(login, table, staged, part)

    monkeypatch.setattr(finishing, "check", tamper_and_check)
    with pytest.raises(StorelineError, match=r"^products: staging holds"):
        copy_here(settings, spark)
    assert ask_target("select run_id from ops.bases") == before


def test_the_hashes_of_the_ranges_make_the_hash_of_the_table(
    settings: Settings, spark: SparkSession, ask_target: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_ranges = SourceTable.page_ranges
    monkeypatch.setattr(SourceTable, "page_ranges", lambda table, chunk_bytes: page_ranges(table, 1 << 18))
    copy_here(settings, spark)
    found = ask_target(
        """select t.table_name, count(*), sum(c.row_count) = t.row_count,
                  hex(bit_xor(unhex(c.content_hash))) = t.content_hash
           from ops.run_tables as t join ops.run_chunks as c using (run_id, table_name) group by 1, t.run_id"""
    )
    assert len(found) == len(TABLES)
    assert all(is_counted and is_hashed for _, _, is_counted, is_hashed in found)
    assert max(chunks for _, chunks, *_ in found) > 1


def test_a_large_table_is_compared_in_parts(
    settings: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    check = finishing.check

    def check_and_note(login: mysql.Login, table: SourceTable, staged: str, part: str) -> Checked:
        seen.append(table.name)
        return check(login, table, staged, part)

    monkeypatch.setattr(finishing, "KEYS_WORTH_DIVIDING", 1)
    monkeypatch.setattr(finishing, "check", check_and_note)
    copy_here(settings, spark)
    assert sorted(seen) == sorted([table.name for table in TABLES] * 2)


def test_a_hash_is_sha_256() -> None:
    # FIPS 180-2, appendix B.1
    assert hash_of(b"abc") == 0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD
