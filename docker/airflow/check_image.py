"""Hold the image that is being built to what it is for: its packages fit together, and every DAG can be imported.

Usage: python check_image.py    (the last step of the build)
"""

import subprocess
import sys

from airflow.dag_processing.dagbag import DagBag
from dag_files import declaring

from storeline.settings import ROOT

# Left out by requirements.override: its files would overwrite those of pyspark, which has them all.
LEFT_OUT = "pyspark-client, which is not installed."


def packages() -> list[str]:
    """Return what pip finds wrong, without the one that is left out on purpose."""
    said = subprocess.run((sys.executable, "-m", "pip", "check"), capture_output=True, text=True, check=False)
    if said.returncode == 0:
        return ["pip misses nothing, not even pyspark-client: has requirements.override lost its reason?"]
    return [line for line in said.stdout.splitlines() if not line.endswith(LEFT_OUT)]


def dags() -> list[str]:
    """Return a line for each DAG file that cannot be imported or declares nothing."""
    folder = ROOT / "dags"
    bag = DagBag(str(folder))
    found = [f"{file}: {error.strip().splitlines()[-1]}" for file, error in bag.import_errors.items()]
    listed = {dag.fileloc for dag in bag.dags.values()}
    silent = (file for file in declaring(folder) if str(file) not in listed | bag.import_errors.keys())
    return found + [f"{file}: no DAG of it is listed" for file in silent]


if __name__ == "__main__":
    problems = packages() + dags()
    sys.exit("\n".join(f"check_image: {problem}" for problem in problems) or 0)
