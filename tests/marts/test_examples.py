"""Every mart gives the rows that its example expects, and keeps its contract doing so."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from spark_jobs.audit import AuditError, audit, resolve
from storeline.marts.contract import Mart, load, spark_type
from storeline.settings import ROOT
from storeline.tables import TABLES
from tests.marts.rows import to_frame, to_texts
from tests.marts.source_schema import SOURCE_TABLES

EXAMPLES = ROOT / "spark_jobs" / "marts"
INDEPENDENT = Path(__file__).parent / "independent"
MARTS_BY_NAME = {mart.name: mart for mart in load()}
SCHEMAS = SOURCE_TABLES | {
    mart.name: {column.name: spark_type(column) for column in mart.columns} for mart in MARTS_BY_NAME.values()
}


def example_of(mart: Mart) -> dict:
    path = EXAMPLES / f"{mart.name}.yaml"
    return yaml.load(path.read_text(), yaml.BaseLoader) if path.exists() else {"cases": []}


def cases_of(mart: Mart) -> list[dict]:
    return example_of(mart)["cases"]


def schema_of(mart: Mart, name: str) -> dict[str, str]:
    """Return a table's columns; of a table that is not the shop's, the example itself says them under `tables`."""
    return SCHEMAS[name] if name in SCHEMAS else example_of(mart)["tables"][name]


CASES = [
    pytest.param(mart, case, id=f"{mart.name}: {case['name']}")
    for mart in MARTS_BY_NAME.values()
    for case in cases_of(mart)
]


def given(spark: SparkSession, mart: Mart, rows: dict[str, list]) -> dict:
    return {name: to_frame(spark, rows.get(name, []), schema_of(mart, name)) for name in mart.reads}


@pytest.mark.parametrize(("mart", "case"), CASES)
def test_a_mart_gives_the_rows_of_its_example(spark: SparkSession, mart: Mart, case: dict):
    assert set(case) == {"name", "given", "expect"}
    assert set(case["given"]) <= set(mart.reads), "an example gives only what the mart reads"

    frame = resolve(mart, given(spark, mart, case["given"])).persist()

    audit(frame, mart)
    mentioned = list(case["expect"][0]) if case["expect"] else list(SCHEMAS[mart.name])
    assert all(set(row) == set(mentioned) for row in case["expect"]), "rows that are expected have the same columns"
    wanted = to_frame(spark, case["expect"], SCHEMAS[mart.name])
    assert to_texts(frame.select(*mentioned)) == to_texts(wanted.select(*mentioned))


@pytest.mark.parametrize("mart", MARTS_BY_NAME.values(), ids=MARTS_BY_NAME)
def test_a_mart_needs_every_table_that_it_declares(spark: SparkSession, mart: Mart):
    for name in mart.reads:
        others = tuple(read for read in mart.reads if read != name)
        with pytest.raises(AuditError, match=f"mart {mart.name} reads {name}, which it does not declare in reads"):
            resolve(replace(mart, reads=others), given(spark, mart, {}))


@pytest.mark.parametrize("mart", MARTS_BY_NAME.values(), ids=MARTS_BY_NAME)
def test_a_mart_has_an_example_that_mentions_every_column(mart: Mart):
    mentioned = {column for case in cases_of(mart) for row in case["expect"] for column in row}

    assert mentioned == {column.name for column in mart.columns}


@pytest.mark.parametrize("mart", MARTS_BY_NAME.values(), ids=MARTS_BY_NAME)
def test_a_mart_has_an_example_of_an_empty_shop(mart: Mart):
    assert any(not any(case["given"].values()) for case in cases_of(mart))


def test_every_example_belongs_to_a_mart():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(MARTS_BY_NAME)
    assert {path.stem for path in INDEPENDENT.glob("*.sql")} <= set(MARTS_BY_NAME)


def test_the_schemas_are_those_of_tables_of_the_replica():
    assert set(SOURCE_TABLES) <= {table.name for table in TABLES}
