"""Who may import whom: data flows one way, and so do imports."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storeline.settings import ROOT

STORES = {
    "postgres",
    "mysql",
    "mart_views",
    "batch_runs",
    "catalogue",
    "generation",
    "replica",
    "ledger",
    "mart_tables",
    "ask",
}
STORES |= {"kafka", "stream_ledger", "landing", "land_users", "land_orders", "dead_letters", "redrive", "lag"}
STORES |= {"reset_stream", "dag_states", "isolation", "staging"}
STORES |= {"clickhouse", "storage", "folder", "step", "report", "load", "analyse", "transfer"}
DRIVERS = {"psycopg2", "mysql", "kafka", "clickhouse_connect", "pyarrow", "tabulate"}
# room -> what its files may import besides the standard library
ALLOWED = {
    "storeline": {"storeline", "yaml"},
    "spark_jobs": {"spark_jobs", "storeline", "pyspark", "py4j", *DRIVERS},
    "generators": {"generators", "storeline", "faker", "numpy", "pyarrow", "tqdm", "psycopg2", "kafka"},
    "dags": {"dags", "storeline", "airflow"},
    "init_db": {"init_db", "storeline", "airflow", *DRIVERS},
    "dashboards": {"dashboards", "storeline", "yaml", "matplotlib", *DRIVERS},
    "notebooks": {"notebooks", "storeline", "pyspark", "pandas", "nbclient", "nbconvert", "nbformat"},
    "native": {"native", "storeline", "supervisor", "psutil", "pyspark", *DRIVERS},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files() -> list[Path]:
    return [path for room in ALLOWED for path in sorted((ROOT / room).glob("**/*.py"))]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    allowed = ALLOWED[room] | set(sys.stdlib_module_names)
    if room == "storeline" and path.stem in STORES:
        allowed |= DRIVERS
    strangers = {name.split(".")[0] for name in imports(path)} - allowed
    assert strangers == set()


def test_a_dag_touches_no_database() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        stores = ("postgres", "mysql", "clickhouse", "kafka", "catalogue", "replica", "generation")
        touched = {f"storeline.{store}" for store in stores}
        assert not touched & {".".join(name.split(".")[:2]) for name in imports(path)}, path.name


def test_only_the_settings_read_the_environment() -> None:
    # The report's path is given by whoever started the run, and Airflow's command is passed what this process has,
    # as is a kernel.
    may = {"storeline/settings.py", "storeline/ledger.py", "storeline/task.py", "dags/spark_job.py", "dags/refusals.py"}
    may |= {"dags/python_job.py", "notebooks/report.py"}
    for path in files():
        name = str(path.relative_to(ROOT))
        if path.relative_to(ROOT).parts[0] != "native" and name not in may:
            assert "os.environ" not in path.read_text(), name
