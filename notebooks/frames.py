"""The databases' answers as frames: pandas for what is small, Spark for what is not."""

from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession

from storeline.settings import Settings
from storeline.stores import clickhouse, mysql

REPLICA = "replica"


def marts(settings: Settings, question: str) -> pd.DataFrame:
    """Return MySQL's answer to the analyst, who may read `marts` and `replica`. Raises MysqlError."""
    with closing(mysql.analyst(settings).connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(question)
        return _frame([column[0] for column in cursor.description], cursor.fetchall())


def sales(settings: Settings, question: str) -> pd.DataFrame:
    """Return ClickHouse's answer to the reader, who may read `sales`. Raises ClickhouseError."""
    with closing(clickhouse.connect(settings)) as connection:
        return _frame(*connection.query_with_names(question))


def replica(settings: Settings, spark: SparkSession, table: str) -> DataFrame:
    """Return a table of the replica, which the executors read as the analyst; moments are in UTC."""
    login = mysql.analyst(settings)
    options = {
        "driver": "com.mysql.cj.jdbc.Driver",
        "url": f"jdbc:mysql://{login.host}:{login.port}/{REPLICA}",
        "user": login.user,
        "password": str(login.password),
        "dbtable": mysql.quote(table),
        "preferTimestampNTZ": "true",
        "connectionTimeZone": "UTC",
    }
    return spark.read.format("jdbc").options(**options).load()


def _frame(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
    """Return rows as a frame; money becomes floats, because pictures need no cents."""
    plain = [[float(value) if isinstance(value, Decimal) else value for value in row] for row in rows]
    return pd.DataFrame(plain, columns=list(names))
