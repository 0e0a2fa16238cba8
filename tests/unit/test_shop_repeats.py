"""The same seed and the same end of the history give the same rows, on any machine and in any order of chunks."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

from generators import catalogue, orders, people
from generators.plan import CHUNK
from generators.shop import blocks
from storeline.settings import ROOT
from tests.shop import DEFAULT, shop

# Rows that depend only on numbers; names and texts may change with Faker's version.
KNOWN = {
    "orders": "de156b54fb567c609ec5b6a76c265c25206130b04f256fa519f400358f1b3ef1",
    "order_details": "c9eb244f5cb657cfbe66e045e87a35202b9921e3e444b6f3067b1112a42227d7",
    "loyalty_points": "6fae46777dc48e46df2a098a7f494e110ed182ca00c3762fe834c77e99579b14",
}


def digests(**changes: Any) -> dict[str, str]:
    found: dict[str, Any] = {}
    for block in blocks(replace(DEFAULT, **changes)):
        found.setdefault(block.table, hashlib.sha256()).update(block.copy_text())
    return {table: digest.hexdigest() for table, digest in found.items()}


def test_the_default_shop_has_the_rows_that_it_always_had() -> None:
    found = digests()

    assert {table: found[table] for table in KNOWN} == KNOWN


def test_an_older_processor_makes_the_same_shop() -> None:
    program = "from tests.unit.test_shop_repeats import digests; print(digests())"
    older = os.environ | {"NPY_DISABLE_CPU_FEATURES": "X86_V4 X86_V3", "PYTHONHASHSEED": "7"}
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=older, capture_output=True, text=True, check=True
    )

    assert printed.stdout.strip() == str(digests())


def test_another_seed_makes_another_shop() -> None:
    mine, other = digests(), digests(seed=43)

    assert [table for table in mine if mine[table] == other[table]] == ["product_categories"]


def test_a_chunk_does_not_depend_on_the_chunks_before_it() -> None:
    plan = replace(DEFAULT, orders=2 * CHUNK + 1)
    made = [block.copy_text() for block in blocks(plan) if block.table == "orders"]
    products, users = catalogue.catalogue(plan, catalogue.categories(plan)), people.people(plan)

    backwards = [orders.orders(plan, number, users, products) for number in (2, 1, 0)]
    assert [orders.order_rows(plan, chunk).copy_text() for chunk in backwards[::-1]] == made


def test_an_appended_shop_continues_ids_and_is_another_one() -> None:
    first = shop()
    taken = {table: len(rows) for table, rows in first.items()}
    second = shop(taken=taken)

    for table, rows in second.items():
        key = next(iter(rows[0]))
        assert rows[0][key] == taken[table] + 1
    assert not {user["email"] for user in first["users"]} & {user["email"] for user in second["users"]}
    assert [o["total_amount"] for o in first["orders"]] != [o["total_amount"] for o in second["orders"]]
