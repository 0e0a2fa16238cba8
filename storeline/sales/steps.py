"""The steps of the sales pipeline, in order. To add a seventh, add a line here and the file that it names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A task of the DAG: a module of the repository that gets the run date, on Spark or by itself."""

    name: str
    module: str
    is_on_spark: bool = False


STEPS = (
    Step("generate", "generators.export_sales"),
    Step("validate", "spark_jobs.sales.validate", is_on_spark=True),
    Step("clean", "spark_jobs.sales.clean", is_on_spark=True),
    Step("load", "storeline.sales.load"),
    Step("analyse", "storeline.sales.analyse"),
    Step("transfer", "storeline.sales.transfer"),
)
