"""What a kernel sees besides its process: with it, a notebook that asks for a Spark session gets one on the cluster."""

import shlex
from pathlib import Path

from storeline.settings import Settings

# Fixed, so that what stands between driver and executors can be told; where one is taken Spark tries the next ones.
DRIVER_PORT, BLOCKS_PORT = 7170, 7270
# What `spark.driver.extraJavaOptions` says in docker/spark/spark-defaults.conf, which this replaces, and quiet logs:
# a kernel shows in the notebook what its Java says.
JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
)


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables; none holds a secret, because pyspark puts them on a command line."""
    options = {
        "spark.cores.max": settings.spark_notebook_cores,
        "spark.driver.port": DRIVER_PORT,
        "spark.driver.blockManager.port": BLOCKS_PORT,
        # The folder of the jobs' events is none of a notebook's business, nor is a page of each kernel's own.
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": " ".join(JAVA_OPTIONS),
    }
    confs = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    return {"PYSPARK_SUBMIT_ARGS": shlex.join(["--master", settings.spark_master_url, *confs, "pyspark-shell"])}
