"""What a kernel sees besides its process: with it, a notebook that asks for a Spark session gets one on the cluster."""

import shlex

from storeline.settings import Settings

# Fixed, so that what stands between driver and executors can be told; where one is taken Spark tries the next ones.
DRIVER_PORT, BLOCKS_PORT = 7170, 7270
# What a kernel's Java says goes into the log of whoever started it, not into the notebook, as docker/notebook's
# configuration has it for JupyterHub.
ARGUMENTS = ("--IPKernelApp.capture_fd_output=False",)


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables; none holds a secret, because pyspark puts them on a command line."""
    options = {
        "spark.cores.max": settings.spark_notebook_cores,
        "spark.driver.port": DRIVER_PORT,
        "spark.driver.blockManager.port": BLOCKS_PORT,
        # The folder of the jobs' events is none of a notebook's business, nor is a page of each kernel's own.
        "spark.eventLog.enabled": "false",
        "spark.ui.enabled": "false",
    }
    confs = [word for name, value in options.items() for word in ("--conf", f"{name}={value}")]
    return {"PYSPARK_SUBMIT_ARGS": shlex.join(["--master", settings.spark_master_url, *confs, "pyspark-shell"])}
