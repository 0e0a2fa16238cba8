"""A benchmark's servers: its own stack under `.native/bench`, never the demo's."""

import subprocess
import time

from native.install import copy_jars
from native.places import INSTALLED
from native.spark import spark_submit
from native.stack import Stack
from storeline.settings import ROOT
from tests.stacks import with_free_ports

MILLION = {
    "SHOP_USERS": "100000",
    "SHOP_PRODUCTS": "5000",
    "SHOP_ORDERS": "1000000",
    "SHOP_REVIEWS": "200000",
    "SHOP_LOYALTY_ENTRIES": "300000",
}
HOME = INSTALLED / "bench"  # a folder for the servers, one for the jars, and one for each rival's environment
JARS = HOME / "jars"  # needed only by the rivals


def shop_of(scale: float) -> dict[str, str]:
    """Return the settings of a shop as a share of the one with a million orders."""
    return {name: str(max(1, round(int(value) * scale))) for name, value in MILLION.items()}


def bench_stack(*services: str, **values: str) -> Stack:
    """Return an empty stack with the given services, not started yet, and download what its rivals need."""
    HOME.mkdir(parents=True, exist_ok=True)
    copy_jars(ROOT / "bench" / "jars", JARS)
    stack = Stack(HOME / "stack", with_free_ports(**values), services)
    stack.delete()
    return stack


def submission(stack: Stack, job: str, *arguments: str, cores: int) -> list[str]:
    """Return the command that runs a job on the stack's cluster."""
    command = spark_submit(stack.settings.spark_master_url, "--conf", f"spark.cores.max={cores}")
    drivers = ",".join(str(jar) for jar in JARS.glob("postgresql-*.jar"))
    with_jars = ["--jars", drivers] if job.startswith("bench/rivals/") else []
    return [*command, *with_jars, str(ROOT / job), *arguments]


def job_environment(stack: Stack) -> dict[str, str]:
    """Return a job's environment variables."""
    return stack.environment() | {"PYTHONPATH": str(ROOT)}


def submit(stack: Stack, job: str, *arguments: str) -> float:
    """Run a job on the stack's cluster to its end; return the seconds. Raises CalledProcessError."""
    command = submission(stack, job, *arguments, cores=stack.settings.spark_batch_cores)
    began = time.monotonic()
    subprocess.run(command, env=job_environment(stack), check=True, capture_output=True)
    return time.monotonic() - began
