"""Check the image during its build: packages are compatible, and every DAG can be imported.

Usage: python check_image.py    (the last step of the build)
"""

import subprocess
import sys

from airflow.dag_processing.dagbag import DagBag
from dag_files import declaring

from storeline.settings import ROOT

# Excluded by requirements.override: its files would overwrite pyspark's, which has them all.
LEFT_OUT = "pyspark-client, which is not installed."


def packages() -> list[str]:
    """Return pip's complaints, without the package that is missing on purpose."""
    said = subprocess.run((sys.executable, "-m", "pip", "check"), capture_output=True, text=True, check=False)
    if said.returncode == 0:
        return ["pip reports nothing missing, not even pyspark-client: is requirements.override still needed?"]
    return [line for line in said.stdout.splitlines() if not line.endswith(LEFT_OUT)]


def dags() -> list[str]:
    """Return a line for each DAG file that cannot be imported or declares no DAG."""
    folder = ROOT / "dags"
    bag = DagBag(str(folder))
    found = [f"{file}: {error.strip().splitlines()[-1]}" for file, error in bag.import_errors.items()]
    listed = {dag.fileloc for dag in bag.dags.values()}
    silent = (file for file in declaring(folder) if str(file) not in listed | bag.import_errors.keys())
    return found + [f"{file}: none of its DAGs is listed" for file in silent]


if __name__ == "__main__":
    problems = packages() + dags()
    sys.exit("\n".join(f"check_image: {problem}" for problem in problems) or 0)
