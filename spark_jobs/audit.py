"""Check a mart against its contract: what its query may read, what it must return, and the rules for each row."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import uuid4

from pyspark.errors import PySparkException
from pyspark.logger import PySparkLogger
from pyspark.sql import Column, DataFrame, Observation, Row
from pyspark.sql import functions as F
from pyspark.sql.types import BooleanType

from storeline.errors import StorelineError
from storeline.marts.contract import Mart, spark_type

ROWS = "rows"  # what an observation calls the number of all rows
EXAMPLES = 3
VALUE_LENGTH = 60


class AuditError(StorelineError):
    """A mart breaks its contract; each line of the message names the mart and the rule."""


def resolve(mart: Mart, tables: Mapping[str, DataFrame]) -> DataFrame:
    """Return the mart's rows, not yet computed, from `tables` (by name; may include tables that it does not read).

    Raises AuditError when the query reads a table that `reads` does not declare, cannot run, or returns columns that
    differ from `columns` in name, order or type.

    The query runs in its own session, which knows only the declared tables. A view belongs to its frame's session, so
    each frame is passed as a global view with an unguessable name. Persisted data is still found, because sessions
    share the cache. The views stay until the application ends: dropping one would evict its frame from the cache.
    """
    session = next(iter(tables.values())).sparkSession.newSession()
    # Otherwise a path in place of a table's name would be read.
    session.conf.set("spark.sql.runSQLOnFiles", "false")
    for name in mart.reads:
        secret_name = f"{name}_{uuid4().hex}"
        tables[name].createGlobalTempView(secret_name)
        session.table(f"global_temp.{secret_name}").createTempView(name)
    with _in_one_line(mart):
        # As a subquery, so that only a query can run.
        frame = session.sql(f"select * from (\n{mart.query}\n)")
    if lines := list(_differences(frame, mart)):
        raise AuditError("\n".join(lines))
    return frame


def audit(frame: DataFrame, mart: Mart) -> int:
    """Compute the rows of `resolve`, check them and return their number.

    Raises AuditError with a line for each broken rule: how many rows break it, and up to three of them. Reads the rows
    once for all rules; again only for examples.
    """
    with _in_one_line(mart):
        rows, lines = _broken_rules(frame, mart)
    if lines:
        raise AuditError("\n".join(lines))
    return rows


def counted(frame: DataFrame, mart: Mart, observation: Observation) -> DataFrame:
    """Return the frame such that whatever computes its rows also counts those that break a rule.

    `observation` then has the number of all rows, `ROWS`, and that of each rule except the grain's. Raises AuditError
    when a rule is not a condition.
    """
    counts = [F.count_if(is_broken).alias(rule) for rule, is_broken in _conditions(frame, mart).items()]
    return frame.observe(observation, F.count(F.lit(1)).alias(ROWS), *counts)


def _differences(frame: DataFrame, mart: Mart) -> Iterator[str]:
    wanted, got = [column.name for column in mart.columns], frame.columns
    if wanted != got:
        yield f"mart {mart.name}: columns must be {', '.join(wanted)}; its query returns {', '.join(got)}"
        return
    for column, field in zip(mart.columns, frame.schema, strict=True):
        if (type_ := field.dataType.simpleString()) != spark_type(column):
            yield (
                f"mart {mart.name}: column {column.name} must be {spark_type(column)} ({column.mysql_type}); "
                f"its query returns {type_}"
            )


def _conditions(frame: DataFrame, mart: Mart) -> dict[str, Column]:
    """Return for each rule, except the grain's, whether a row breaks it. Raises AuditError when one has no answer."""
    for check in mart.checks:
        with _in_one_line(mart, check):
            type_ = frame.select(F.expr(check)).schema[0].dataType
        if not isinstance(type_, BooleanType):
            raise AuditError(f"mart {mart.name}: rule `{check}` is {type_.simpleString()}, not true or false")
    conditions = dict(_implied_rules(mart)) | {check: check for check in mart.checks}
    return {rule: ~F.coalesce(F.expr(condition), F.lit(False)) for rule, condition in conditions.items()}


def _broken_rules(frame: DataFrame, mart: Mart) -> tuple[int, list[str]]:
    """Return the number of rows, and a line for each rule that some of them break."""
    broken = _conditions(frame, mart)
    # In one pass, because a Spark job costs more than the rows of most marts.
    measures = (F.count(F.lit(1)), F.count_distinct(*mart.grain), *map(F.count_if, broken.values()))
    rows, keys, *counts = frame.agg(*measures).collect()[0]
    lines = []
    for (rule, is_broken), count in zip(broken.items(), counts, strict=True):
        if count:
            examples = frame.where(is_broken).limit(EXAMPLES).collect()
            lines.append(_line(mart, rule, f"{count} of {rows} rows", examples))
    return rows, lines if keys == rows else [*lines, *_repeated_keys(frame, mart)]


def _implied_rules(mart: Mart) -> Iterator[tuple[str, str]]:
    """Yield the rules that the columns imply for each row: the rule's name, and its condition in SQL."""
    for column in mart.columns:
        name = f"`{column.name}`"
        if not column.nullable:
            yield f"{column.name} is not null", f"{name} is not null"
        # Spark's strings have no length; MySQL would reject one that is too long in the middle of the load.
        if column.mysql_type.startswith("VARCHAR"):
            length = column.mysql_type.removeprefix("VARCHAR(").removesuffix(")")
            yield f"{column.name} has at most {length} characters", f"{name} is null or char_length({name}) <= {length}"
        if column.mysql_type == "TEXT":
            yield f"{column.name} has at most 65535 bytes", f"{name} is null or octet_length({name}) <= 65535"


def _repeated_keys(frame: DataFrame, mart: Mart) -> Iterator[str]:
    repeated = frame.groupBy(*mart.grain).agg(F.count(F.lit(1)).alias("rows")).where("rows > 1")
    if count := repeated.count():
        examples = repeated.limit(EXAMPLES).collect()
        yield _line(mart, f"one row for each {', '.join(mart.grain)}", f"{count} of the keys", examples)


def _line(mart: Mart, rule: str, what: str, rows: list[Row]) -> str:
    return f"mart {mart.name}: rule `{rule}` is broken by {what}, for example {'; '.join(map(_shown, rows))}"


def _shown(row: Row) -> str:
    values = {name: "null" if value is None else str(value) for name, value in row.asDict().items()}
    return ", ".join(f"{name}={value[:VALUE_LENGTH]}" for name, value in values.items())


@contextmanager
def _in_one_line(mart: Mart, rule: str | None = None) -> Iterator[None]:
    """Reduce Spark's multi-line errors to one line. Raises AuditError."""
    # Otherwise Spark's Python side would print pages next to that line.
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
    try:
        yield
    except PySparkException as error:
        where = f"mart {mart.name}" if rule is None else f"mart {mart.name}: rule `{rule}`"
        raise AuditError(f"{where}{_reason(error)}") from None


def _reason(error: PySparkException) -> str:
    parameters = error.getMessageParameters() or {}
    if error.getCondition() == "TABLE_OR_VIEW_NOT_FOUND":
        return f" reads {parameters['relationName'].replace('`', '')}, which it does not declare in reads"
    # Without the SQL state and the advice to disable the check.
    return ": " + re.split(" SQLSTATE| If necessary set", " ".join(str(error).split()))[0]
