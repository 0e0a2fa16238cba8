"""Frames from and to MySQL, through Spark's JDBC source."""

from contextlib import closing
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from storeline.changes import position
from storeline.generation import REPLICA
from storeline.settings import Settings
from storeline.stores import mysql, mysql_encryption

PARTITION_BYTES = 32 << 20  # of a replica table, as InnoDB stores it
OTHER_GENERATION = "Subquery returns more than 1 row"  # MySQL's error when `_of_state` finds another one
OPTIONS = {
    "driver": "com.mysql.cj.jdbc.Driver",
    "preferTimestampNTZ": "true",
    # Stream row by row; otherwise the connector holds a whole partition in memory.
    "fetchsize": str(-(2**31)),
    "batchsize": "10000",
    "rewriteBatchedStatements": "true",
    "connectionTimeZone": "UTC",
    "characterEncoding": "UTF-8",
}
# A login that the server no longer has in its cache is encrypted with the server's public key.
PLAIN = {"sslMode": "DISABLED", "allowPublicKeyRetrieval": "true"}


def read(
    settings: Settings, spark: SparkSession, connection: Any, name: str, generation: str, applied: int | None
) -> DataFrame:
    """Return a table of the replica, split by its key if that is a single whole number; moments are in UTC.

    Every statement that reads it fails once the replica holds another generation, or the stream has `applied` more,
    including one that rereads a lost block in the middle of a build.
    """
    table = f"{mysql.quote(REPLICA.live)}.{mysql.quote(name)}"
    options = _options(settings, REPLICA.live) | {"dbtable": _of_state(table, name, generation, applied)}
    key = mysql.integer_key(connection, REPLICA.live, name)
    count = -(-mysql.data_bytes(connection, REPLICA.live, name) // PARTITION_BYTES)
    if key and count > 1:
        low, high = mysql.ask(connection, f"select min({mysql.quote(key)}), max({mysql.quote(key)}) from {table}")[0]
        options |= {
            "partitionColumn": mysql.quote(key),
            "lowerBound": str(low),
            "upperBound": str(high),
            "numPartitions": str(count),
        }
    frame = spark.read.format("jdbc").options(**options).load()
    if count <= 1:
        # With one partition Spark plans no shuffle between small tables, which saves a fifth of a small shop's time.
        frame = frame.coalesce(1)
    moments = [field.name for field in frame.schema if field.dataType.simpleString() == "timestamp_ntz"]
    return frame.withColumns({name_: frame[f"`{name_}`"].cast("timestamp") for name_ in moments})


def _of_state(table: str, name: str, generation: str, applied: int | None) -> str:
    """Return the query for a table's rows that fails if `ops.bases` or the stream's position says another state.

    The table and `ops.bases` are renamed in one statement, the position is stored in the transaction that changes the
    table, and one statement reads all three. MySQL has no other error that a query can raise on purpose: a subquery
    that may return only one row returns two.
    """
    is_held = (
        f"select 1 from ops.bases where database_name = {mysql.literal(REPLICA.live)} "
        f"and table_name = {mysql.literal(name)} and run_id = {mysql.literal(generation)} "
        f"and ({position.APPLIED}) <=> {'null' if applied is None else int(applied)}"
    )
    one = f"select 1 union all select 2 from dual where not exists ({is_held})"
    return f"(select t.* from {table} t where 1 = ({one})) held"


def append(settings: Settings, frame: DataFrame, database: str, table: str) -> None:
    """Append a frame's rows to an existing table."""
    options = _options(settings, database) | {"dbtable": f"{mysql.quote(database)}.{mysql.quote(table)}"}
    frame.write.format("jdbc").mode("append").options(**options).save()


def _options(settings: Settings, database: str) -> dict[str, str]:
    login = mysql.mart_builder(settings)
    url = f"jdbc:mysql://{login.host}:{login.port}/{database}"
    return {**OPTIONS, **_encryption(login), "url": url, "user": login.user, "password": str(login.password)}


def _encryption(login: mysql.Login) -> dict[str, str]:
    """Return the options that make Spark's driver do as ours does; by itself it encrypts wherever the server can."""
    if not mysql_encryption.is_local(login.host):
        return {}
    with closing(login.connect()) as connection:
        return {} if mysql_encryption.is_encrypted(connection) else PLAIN
