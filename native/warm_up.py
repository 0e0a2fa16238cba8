"""Use what every job uses, so that Java can archive the classes that it loads; installed jobs then start faster.

Usage: spark-submit native/warm_up.py
"""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def main() -> None:
    """Run a query, a join and some Python on the executors."""
    session = SparkSession.builder.appName("warm up").getOrCreate()
    numbers = session.range(1000).withColumn("half", F.col("id") / 2)
    sums = numbers.groupBy((F.col("id") % 7).alias("id")).agg(F.sum("half").alias("sum"))
    numbers.join(sums, "id", "left").orderBy("id").collect()
    session.sparkContext.parallelize(range(4), 2).map(lambda one: one + 1).collect()
    session.stop()


if __name__ == "__main__":
    main()
