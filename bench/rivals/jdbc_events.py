"""The rival `foreach-batch-jdbc`: a common streaming job, parsed by from_json and appended by plain JDBC.

Usage: spark-submit bench/rivals/jdbc_events.py orders|users-data

Takes what is in the topic and ends. No checks, no upserts, and not correct when killed.
"""

import sys
from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from storeline.settings import Settings, load
from storeline.stores import kafka, postgres
from storeline.topics import USERS

USER = "first_name string, last_name string, email string, phone string, registration_date timestamp, loyalty_status string"  # noqa: E501
LINE = "line_number int, product_id bigint, quantity int, price_per_unit decimal(14,2)"
ORDER = f"order_id string, order_version int, user_email string, order_date timestamp, status string, delivery_date timestamp, lines array<struct<{LINE}>>"  # noqa: E501


def main(topic: str) -> None:
    """Append every event of a topic."""
    settings = load()
    spark = SparkSession.builder.appName(f"jdbc {topic}").getOrCreate()
    source = spark.readStream.format("kafka").option("kafka.bootstrap.servers", kafka.address(settings))
    source = source.option("subscribe", topic).option("startingOffsets", "earliest")
    source = source.option("maxOffsetsPerTrigger", settings.stream_batch_events)
    schema = USER if topic == USERS.name else ORDER
    events = source.load().select(F.from_json(F.col("value").cast("string"), schema).alias("event")).select("event.*")
    with TemporaryDirectory() as checkpoint:

        def take(frame: DataFrame, _: int) -> None:
            if topic == USERS.name:
                append(settings, frame, "jdbc_users")
                return
            frame.persist()
            append(settings, frame.drop("lines"), "jdbc_orders")
            append(settings, frame.select("order_id", F.inline("lines")), "jdbc_order_details")
            frame.unpersist()

        writer = events.writeStream.foreachBatch(take).option("checkpointLocation", f"file://{checkpoint}")
        writer.trigger(availableNow=True).start().awaitTermination()
    spark.stop()


def append(settings: Settings, frame: DataFrame, table: str) -> None:
    """Append rows to one of the rival's own tables."""
    login = postgres.owner(settings)
    frame.write.format("jdbc").options(
        url=f"jdbc:postgresql://{login.host}:{login.port}/{login.database}",
        user=login.user,
        password=str(login.password),
        driver="org.postgresql.Driver",
        dbtable=f"public.{table}",
    ).mode("append").save()


if __name__ == "__main__":
    main(sys.argv[1])
