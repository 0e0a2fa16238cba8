"""Which package may import which: data flows one way, and so do imports."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from storeline.settings import ROOT

DRIVERS = {"psycopg2", "mysql", "kafka", "clickhouse_connect", "pyarrow", "tabulate"}
# room -> what its files may import besides the standard library
ALLOWED = {
    "storeline": {"storeline", "yaml", "msgspec", "argcomplete", *DRIVERS},
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
    strangers = {name.split(".")[0] for name in imports(path)} - ALLOWED[room] - set(sys.stdlib_module_names)
    assert strangers == set()


# Inside `storeline`: packages of upper lines import nothing from lower ones, and no flow imports another.
FLOWS = ("replica", "events", "marts", "sales", "changes")
# A mart records which copy it was read from; the stream of changes writes the replica as the copy does.
ALONG = {("marts", "replica.bases")} | {
    ("changes", f"replica.{name}") for name in ("applied", "bases", "capture", "chunk", "slot", "source", "transfer")
}


def package(path: Path) -> str:
    """Return the package of `storeline` that a file is in, or "" for files beside the packages."""
    return path.relative_to(ROOT / "storeline").parts[0] if len(path.relative_to(ROOT).parts) > 2 else ""


def of_storeline(path: Path) -> set[str]:
    return {name.removeprefix("storeline.") for name in imports(path) if name.startswith("storeline.")}


def storeline() -> list[Path]:
    return sorted((ROOT / "storeline").glob("**/*.py"))


def test_the_stores_import_no_flow() -> None:
    for path in storeline():
        if package(path) == "stores":
            assert not [name for name in of_storeline(path) if name.split(".")[0] in (*FLOWS, "commands")], path.name


def test_no_flow_imports_another() -> None:
    for path in storeline():
        if (own := package(path)) in FLOWS:
            others = {name for name in of_storeline(path) if name.split(".")[0] in FLOWS and name.split(".")[0] != own}
            assert {name for name in others if (own, ".".join(name.split(".")[:2])) not in ALONG} == set(), path.name


def test_the_commands_are_imported_by_nobody() -> None:
    entry = ROOT / "storeline" / "__main__.py"
    reference = ROOT / "docs" / "generate.py"
    for path in [*files(), *sorted((ROOT / "docs").glob("*.py"))]:
        if path not in (entry, reference) and path.parent.name != "commands":
            assert not [name for name in imports(path) if name.startswith("storeline.commands")], path.name


def test_what_needs_no_spark_stands_in_storeline() -> None:
    needs = ("pyspark", "py4j", "spark_jobs")
    for path in (ROOT / "spark_jobs").glob("**/*.py"):
        if path.name != "__init__.py":
            assert [name for name in imports(path) if name.split(".")[0] in needs], path.name


def test_a_dag_touches_no_database() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        touched = {name.split(".")[1] for name in imports(path) if name.startswith("storeline.")}
        assert not touched & {"stores", "generation", "commands"}, path.name


def test_only_the_settings_read_the_environment() -> None:
    # Whatever started the run gives the report's path, and Airflow's command inherits this process's environment, as
    # does a kernel.
    may = {"storeline/settings.py", "storeline/ledger.py", "storeline/task.py", "dags/spark_job.py", "dags/refusals.py"}
    may |= {"dags/python_job.py", "notebooks/report.py"}
    for path in files():
        name = str(path.relative_to(ROOT))
        if path.relative_to(ROOT).parts[0] != "native" and name not in may:
            assert "os.environ" not in path.read_text(), name
