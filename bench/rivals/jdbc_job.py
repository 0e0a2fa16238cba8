"""The rival `spark-jdbc-plain`: one common Spark application per table or mart.

Usage: spark-submit bench/rivals/jdbc_job.py table NAME | mart NAME

One partition, `mode=overwrite`, no checks: columns get the types that Spark chooses, and no keys.
"""

import sys

from pyspark.sql import DataFrame, SparkSession

from storeline.marts.contract import MARTS, read_file
from storeline.settings import Settings, load
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA

DATABASE = "jdbc_plain"


def main(kind: str, name: str) -> None:
    """Write one table or one mart into the rival's database."""
    settings = load()
    spark = SparkSession.builder.appName(f"{kind} {name}").getOrCreate()
    write(settings, table(settings, spark, name) if kind == "table" else mart(settings, spark, name), name)
    spark.stop()


def table(settings: Settings, spark: SparkSession, name: str) -> DataFrame:
    """Return a table of the shop, with UUIDs as text, since Spark has no type for them."""
    login = postgres.reader(settings)
    frame = (
        spark.read.format("jdbc")
        .option("url", f"jdbc:postgresql://{login.host}:{login.port}/{login.database}")
        .option("user", login.user)
        .option("password", str(login.password))
        .option("driver", "org.postgresql.Driver")
        .option("dbtable", f"{SOURCE_SCHEMA}.{name}")
    )
    return frame.load()


def mart(settings: Settings, spark: SparkSession, name: str) -> DataFrame:
    """Return a mart's rows, reading its tables from the replica."""
    contract = read_file(MARTS / f"{name}.sql")
    for read in contract.reads:
        options = target(settings, "replica") | {"dbtable": f"replica.{mysql.quote(read)}"}
        spark.read.format("jdbc").options(**options).load().createTempView(read)
    return spark.sql(contract.query)


def write(settings: Settings, frame: DataFrame, name: str) -> None:
    """Overwrite a table of the rival's database."""
    frame.write.format("jdbc").options(**target(settings, DATABASE), dbtable=mysql.quote(name)).mode("overwrite").save()


def target(settings: Settings, database: str) -> dict[str, str]:
    """Return Spark's options to reach MySQL as its administrator."""
    login = mysql.admin(settings)
    url = f"jdbc:mysql://{login.host}:{login.port}/{database}?connectionTimeZone=UTC"
    return {"url": url, "user": login.user, "password": str(login.password), "driver": "com.mysql.cj.jdbc.Driver"}


if __name__ == "__main__":
    main(*sys.argv[1:])
