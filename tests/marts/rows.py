"""Rows written as text in an example, and the same rows in Spark.

Everything in an example is text until Spark casts it to the column's type, so no number, moment or decimal passes
through Python's or YAML's idea of it.
"""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession

NULLS = ("null", None)
Texts = Mapping[str, str | None]


def to_frame(spark: SparkSession, rows: Sequence[Texts], schema: Mapping[str, str]) -> DataFrame:
    """Return the rows with the columns and types of `schema`; a column that a row leaves out is null."""
    if strangers := {column for row in rows for column in row} - set(schema):
        raise ValueError(f"no such column: {', '.join(sorted(strangers))}")
    texts = [[None if row.get(column) in NULLS else row[column] for column in schema] for row in rows]
    frame = spark.createDataFrame(texts, ", ".join(f"`{column}` string" for column in schema))
    return frame.selectExpr(*[f"cast(`{column}` as {type_}) as `{column}`" for column, type_ in schema.items()])


def to_texts(frame: DataFrame) -> list[dict[str, str | None]]:
    """Return the frame's rows as Spark writes their values, in the order of those texts."""
    rows = frame.selectExpr(*[f"cast(`{column}` as string) as `{column}`" for column in frame.columns]).collect()
    return sorted((row.asDict() for row in rows), key=lambda row: [(value is None, value) for value in row.values()])
