"""A mart that breaks its contract is refused, with a line that names the mart, the rule and the rows."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from pyspark.sql import DataFrame, SparkSession

from spark_jobs.audit import AuditError, audit, resolve
from storeline.marts.contract import Mart, MartColumn

MART = Mart(
    name="Totals",
    about="What each user bought.",
    grain=("user_id",),
    reads=("purchases",),
    columns=(
        MartColumn("user_id", "BIGINT", "the user", nullable=False),
        MartColumn("name", "VARCHAR(5)", "the user's name", nullable=True),
        MartColumn("total", "DECIMAL(14,2)", "what the user bought", nullable=False),
    ),
    checks=("total >= 0",),
    query="select user_id, name, total from purchases",
    is_view=False,
)


@pytest.fixture
def tables(spark: SparkSession) -> dict[str, DataFrame]:
    return {"purchases": purchases(spark, "(1, 'Ada', 1.50), (2, null, 0.00)"), "secrets": spark.range(1)}


def purchases(spark: SparkSession, rows: str) -> DataFrame:
    columns = "cast(id as bigint) as user_id, cast(name as string) as name, cast(total as decimal(14, 2)) as total"
    return spark.sql(f"select {columns} from values {rows} as given (id, name, total)")


@pytest.fixture
def complaint(spark: SparkSession) -> Callable[..., str]:
    def complaint(rows: str, **changes: object) -> str:
        mart = replace(MART, **changes)
        with pytest.raises(AuditError) as error:
            audit(resolve(mart, {"purchases": purchases(spark, rows)}), mart)
        return str(error.value)

    return complaint


def test_a_mart_that_keeps_its_contract_is_computed_and_counted(tables: dict[str, DataFrame]):
    frame = resolve(MART, tables)

    assert [row.user_id for row in frame.sort("user_id").collect()] == [1, 2]
    assert audit(frame, MART) == 2


def test_no_rows_break_no_rule(spark: SparkSession):
    assert audit(resolve(MART, {"purchases": purchases(spark, "(1, '', 0)").limit(0)}), MART) == 0


@pytest.mark.parametrize(
    ("stranger", "named"),
    [
        ("secrets", "secrets"),
        ("replica.secrets", "replica.secrets"),
        ("default.secrets", "default.secrets"),
        ("global_temp.secrets", "global_temp.secrets"),
        ("parquet.`/etc`", "parquet./etc"),
    ],
)
def test_a_query_sees_nothing_that_it_does_not_declare(tables: dict[str, DataFrame], stranger: str, named: str):
    tables["secrets"].createOrReplaceTempView("secrets")
    query = f"with final as (select * from purchases, (select 1 from {stranger})) select * from final"

    with pytest.raises(AuditError) as error:
        resolve(replace(MART, query=query), tables)

    assert str(error.value) == f"mart Totals reads {named}, which it does not declare in reads"


def test_a_query_leaves_nothing_behind_that_the_next_one_could_read(spark: SparkSession, tables: dict[str, DataFrame]):
    resolve(MART, tables)

    with pytest.raises(AuditError, match="mart Totals reads purchases, which it does not declare in reads"):
        resolve(replace(MART, reads=("secrets",)), tables)
    assert not spark.catalog.tableExists("purchases")


def test_a_mart_may_read_another_ones_rows(tables: dict[str, DataFrame]):
    upper = replace(
        MART, name="Upper", reads=("Totals",), query="select user_id, upper(name) as name, total from Totals"
    )

    frame = resolve(upper, {**tables, "Totals": resolve(MART, tables)})

    assert {row.name for row in frame.collect()} == {"ADA", None}


def test_what_is_persisted_is_not_computed_again(tables: dict[str, DataFrame]):
    tables["purchases"].persist().count()

    resolve(MART, tables)
    plan = resolve(MART, tables)._jdf.queryExecution().executedPlan().toString()

    assert "InMemoryTableScan" in plan


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "select user_id, total, name from purchases",
            "mart Totals: columns must be user_id, name, total; its query returns user_id, total, name",
        ),
        (
            "select user_id, name as Name, total from purchases",
            "mart Totals: columns must be user_id, name, total; its query returns user_id, Name, total",
        ),
        (
            "select *, 1 as more from purchases",
            "mart Totals: columns must be user_id, name, total; its query returns user_id, name, total, more",
        ),
        (
            "select cast(user_id as int) as user_id, name, cast(total as decimal(14, 3)) as total from purchases",
            "mart Totals: column user_id must be bigint (BIGINT); its query returns int\n"
            "mart Totals: column total must be decimal(14,2) (DECIMAL(14,2)); its query returns decimal(14,3)",
        ),
        (
            "select user_id, name, total from purchases where nope = 1",
            "mart Totals: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column, variable, or function parameter with name "
            "`nope` cannot be resolved. Did you mean one of the following? [`name`, `total`, `user_id`].",
        ),
        ("select user_id frm", "mart Totals: [UNRESOLVED_COLUMN.WITHOUT_SUGGESTION]"),
        ("drop view purchases", "mart Totals: [PARSE_SYNTAX_ERROR] Syntax error at or near 'purchases'"),
    ],
)
def test_a_query_that_cannot_give_the_columns_is_refused(tables: dict[str, DataFrame], query: str, message: str):
    with pytest.raises(AuditError) as error:
        resolve(replace(MART, query=query), tables)

    assert str(error.value).startswith(message)


def test_a_broken_check_names_the_mart_the_rule_and_the_rows(complaint: Callable[..., str]):
    assert complaint("(1, 'Ada', -1.50), (2, null, 0.00)") == (
        "mart Totals: rule `total >= 0` is broken by 1 of 2 rows, for example user_id=1, name=Ada, total=-1.50"
    )


def test_a_broken_check_shows_three_rows_at_most(complaint: Callable[..., str]):
    message = complaint("(1, 'a', -1), (2, 'b', -1), (3, 'c', -1), (4, 'd', -1)")

    assert message.startswith("mart Totals: rule `total >= 0` is broken by 4 of 4 rows, for example user_id=")
    assert message.count("user_id=") == 3


def test_a_check_that_is_null_is_broken(complaint: Callable[..., str]):
    assert complaint("(1, null, 1)", checks=("name <> ''",)) == (
        "mart Totals: rule `name <> ''` is broken by 1 of 1 rows, for example user_id=1, name=null, total=1.00"
    )


def test_a_key_without_a_value_and_a_column_that_may_not_be_null_are_broken_rules(complaint: Callable[..., str]):
    assert complaint("(null, 'Ada', 1), (2, null, null)", checks=()).splitlines() == [
        "mart Totals: rule `user_id is not null` is broken by 1 of 2 rows, "
        "for example user_id=null, name=Ada, total=1.00",
        "mart Totals: rule `total is not null` is broken by 1 of 2 rows, for example user_id=2, name=null, total=null",
    ]


def test_a_key_that_repeats_is_a_broken_rule(complaint: Callable[..., str]):
    assert complaint("(1, 'Ada', 1), (1, 'Eve', 1), (2, null, 1)") == (
        "mart Totals: rule `one row for each user_id` is broken by 1 of the keys, for example user_id=1, rows=2"
    )


def test_keys_that_differ_in_case_are_two(spark: SparkSession):
    mart = replace(MART, grain=("name",))

    assert audit(resolve(mart, {"purchases": purchases(spark, "(1, 'ada', 1), (2, 'Ada', 1)")}), mart) == 2


def test_a_text_that_mysql_would_not_hold_is_a_broken_rule(complaint: Callable[..., str]):
    assert complaint("(1, 'Adaada', 1), (2, 'éèüß€', 1)") == (
        "mart Totals: rule `name has at most 5 characters` is broken by 1 of 2 rows, "
        "for example user_id=1, name=Adaada, total=1.00"
    )


def test_every_broken_rule_has_its_line(complaint: Callable[..., str]):
    lines = complaint("(1, 'Adaada', -1), (1, null, null)").splitlines()

    assert [line.split("`")[1] for line in lines] == [
        "name has at most 5 characters",
        "total is not null",
        "total >= 0",
        "one row for each user_id",
    ]


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("total", "mart Totals: rule `total` is decimal(14,2), not true or false"),
        ("totl > 0", "mart Totals: rule `totl > 0`: [UNRESOLVED_COLUMN.WITH_SUGGESTION]"),
        ("total >", "mart Totals: rule `total >`: [PARSE_SYNTAX_ERROR] Syntax error at or near end of input."),
        ("max(total) > 0", "mart Totals: [NESTED_AGGREGATE_FUNCTION]"),
    ],
)
def test_a_check_that_is_no_condition_on_a_row_is_named(complaint: Callable[..., str], check: str, message: str):
    assert complaint("(1, 'Ada', 1)", checks=(check,)).startswith(message)


def test_a_value_that_its_type_does_not_hold_is_refused_and_not_null(complaint: Callable[..., str]):
    query = "select user_id, name, cast(total * 1e9 as decimal(14, 2)) as total from purchases"

    assert complaint("(1, 'Ada', 123456)", query=query).startswith("mart Totals: [NUMERIC_VALUE_OUT_OF_RANGE")
