"""The sales of a run date: the same each time, with known shares of faults, each of which is recognized."""

from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from generators.export_sales import SCHEMA, as_table
from generators.sales import Plan, sales
from generators.sales_faults import SHARES, sown
from spark_jobs.sales.export import export
from spark_jobs.sales.judgement import deduplicated, judged
from spark_jobs.sales.parts import written
from storeline.sales.folder import Folder
from storeline.sales.rules import DUPLICATE, PRODUCTS, RULES
from storeline.sales.steps import STEPS
from storeline.sales.storage import Storage, storage_of
from storeline.settings import ROOT, Settings, load
from storeline.variables import Secret
from tests import sales as independent

RUN_DATE = date(2026, 11, 24)
ROWS = 51_000  # two chunks


def folder(root: Path, name: str) -> Folder:
    return Folder(Storage(str(root), "", "", Secret("")), RUN_DATE, name)


def exported(raw: Folder, rows: int = ROWS) -> Counter[str]:
    """Write an export and return the faults put into it."""
    plan, counts = Plan(rows, RUN_DATE), Counter[str]()
    raw.make()
    with raw.writer("sales.parquet", SCHEMA) as writer:
        for chunk in range(len(plan.chunks)):
            made = sown(plan, chunk, sales(plan, chunk))
            writer.write_table(as_table(made))
            counts.update(made.counts)
    raw.publish([raw.part("sales.parquet", rows)], {})
    return counts


def test_the_same_run_date_gives_the_same_sales_and_another_one_others() -> None:
    one, again = (as_table(sown(plan, 1, sales(plan, 1))) for plan in (Plan(ROWS, RUN_DATE), Plan(ROWS, RUN_DATE)))
    other = Plan(ROWS, date(2026, 11, 17))
    assert one.equals(again)
    assert not one.equals(as_table(sown(other, 1, sales(other, 1))))


def test_sales_are_of_the_year_before_and_cost_a_multiple_of_their_products_price() -> None:
    plan = Plan(ROWS, RUN_DATE)
    made = sales(plan, 0)
    assert plan.until - 365 * 86_400_000_000 <= made.micros.min()
    assert made.micros.max() < plan.until
    assert np.array_equal(made.cents, made.quantity * plan.market.prices[made.product_id - 1])
    assert set(np.unique(made.region)) == {0, 1, 2, 3}
    assert (made.product_id.min(), made.product_id.max() <= PRODUCTS, made.quantity.min()) == (1, True, 1)


def test_faults_are_sown_in_their_shares() -> None:
    plan, counts = Plan(200_000, RUN_DATE), Counter[str]()
    for chunk in range(len(plan.chunks)):
        counts.update(sown(plan, chunk, sales(plan, chunk)).counts)
    assert set(counts) == set(SHARES) == {rule.name for rule in (*RULES, DUPLICATE)}
    for kind, share in SHARES.items():
        assert counts[kind] == pytest.approx(200 * share, rel=0.2), kind


def test_each_row_is_judged_as_an_independent_computation_judges_it(spark: SparkSession, tmp_path: Path) -> None:
    raw, clean, rejected = (folder(tmp_path, name) for name in ("raw", "clean", "rejected"))
    planted = exported(raw)
    for one in (clean, rejected):
        one.make()
    parts = written(deduplicated(judged(export(spark, raw), RUN_DATE)), clean, rejected)

    rows = independent.raw_rows(tmp_path, RUN_DATE)
    counting, reasons = independent.judged(rows, RUN_DATE)
    assert reasons == planted
    good = [row for part in parts["clean"] for row in pq.read_table(clean.path(part.name)).to_pylist()]
    bad = [row for part in parts["rejected"] for row in pq.read_table(rejected.path(part.name)).to_pylist()]
    assert sorted(good, key=lambda row: row["sale_id"]) == [counting[key] for key in sorted(counting)]
    assert Counter(row["reason"] for row in bad) == planted
    for row in bad:
        assert rows[row["position"]] == {name: row[name] for name in SCHEMA.names}
    assert sum(part.rows for part in parts["clean"]) == len(good)


def test_a_folder_is_counted_from_the_repository_and_the_key_of_an_object_store_is_not_shown() -> None:
    values = {**load(environment={}).values, "SALES_STORAGE_PASSWORD": "canary"}
    for text, root in ((".native/sales", str(ROOT / ".native/sales")), ("/a/b", "/a/b"), ("s3://a/b", "s3://a/b")):
        storage = storage_of(Settings({**values, "SALES_STORAGE": text}))
        assert storage.root == root
        assert "canary" not in repr(storage)


def test_each_step_is_a_file_and_its_name_is_its_function() -> None:
    for step in STEPS:
        text = (ROOT / f"{step.module.replace('.', '/')}.py").read_text()
        assert f"def {step.name}(step: Step" in text
        assert step.is_on_spark == step.module.startswith("spark_jobs.")
