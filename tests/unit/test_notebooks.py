"""A notebook is committed as written, without output, and a kernel's command line contains no secret."""

import shlex
from pathlib import Path

import nbformat
import pytest

from notebooks import kernel
from storeline.settings import ROOT, Settings, read_file

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.name)
def test_a_notebook_is_committed_without_what_it_once_answered(notebook: Path) -> None:
    node = nbformat.read(notebook, as_version=4)
    nbformat.validate(node)
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


def test_a_kernel_asks_for_few_slots_of_the_cluster_and_tells_no_secret() -> None:
    values = read_file(ROOT / ".env") | {"SPARK_MASTER_URL": "spark://10.0.0.1:7077", "SPARK_NOTEBOOK_CORES": "3"}
    words = shlex.split(kernel.environment(Settings(values))["PYSPARK_SUBMIT_ARGS"])
    assert (words[:2], words[-1]) == (["--master", "spark://10.0.0.1:7077"], "pyspark-shell")
    assert "spark.cores.max=3" in words
    secrets = {values[name] for name, variable in Settings.variables().items() if variable.is_secret}
    assert not [word for word in words for secret in secrets if secret in word.split("=")]
