"""Why a row of the export does not count: the first rule that it breaks, or a later row of the same sale."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from spark_jobs.sales.export import POSITION
from storeline.sales.rules import DUPLICATE, TYPED, first_broken

REASON = "reason"


def judged(rows: DataFrame, run_date: date) -> DataFrame:
    """Add each column as its type, and as `reason` the first rule that a row breaks, null if it breaks none."""
    typed = [F.expr(expression).alias(f"typed_{name}") for name, (_, expression) in TYPED.items()]
    return rows.select("*", *typed).withColumn(REASON, F.expr(first_broken(run_date)))


def deduplicated(rows: DataFrame) -> DataFrame:
    """Set the reason `duplicate` on every row that breaks no rule and is not the latest of its sale."""
    good = F.col(REASON).isNull()
    # A row that broke a rule counts as its own sale.
    sale = Window.partitionBy(F.when(good, F.col("sale_id")), F.when(~good, F.col(POSITION)))
    place = F.row_number().over(sale.orderBy(F.desc("typed_sale_date"), F.desc(POSITION)))
    return rows.withColumn(REASON, F.when(good & (place > 1), DUPLICATE.name).otherwise(F.col(REASON)))
