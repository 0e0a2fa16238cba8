"""Adding a table takes one entry, adding a mart takes two files, and nothing else changes."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from native.stack import Stack
from storeline.settings import ROOT
from tests.integration.conftest import submit

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("shop")]
Ask = Callable[..., list[tuple[Any, ...]]]

MART = """/*
about: Deliveries that each supplier has announced.
grain: [supplier_id]
reads: [suppliers]
columns:
  supplier_id: BIGINT, the supplier
  name: VARCHAR(255), name of the supplier
  deliveries: BIGINT, announced deliveries
checks:
  - deliveries >= 0
*/
select
    supplier_id,
    name,
    cast(deliveries as bigint) as deliveries
from suppliers
"""
EXAMPLE = """tables:
  suppliers: {supplier_id: bigint, name: string, deliveries: int}
cases:
  - name: a supplier without deliveries is there
    given:
      suppliers:
        - {supplier_id: 1, name: Acme, deliveries: 0}
    expect:
      - {supplier_id: 1, name: Acme, deliveries: 0}
  - name: without suppliers there is no row
    given: {}
    expect: []
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a copy of the repository in which a user works."""
    kept = ("storeline", "spark_jobs", "tests", "docs", "native", "pyproject.toml", ".env", "README.md")
    for name in kept:
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, tmp_path / name)
    return tmp_path


@pytest.mark.slow(reason="two jobs and the examples run as processes, from a tree of their own")
def test_a_table_is_one_entry_and_a_mart_is_two_files(
    repository: Path, databases: Stack, ask_source: Ask, ask_target: Ask
) -> None:
    ask_source("create table source.suppliers (supplier_id bigint primary key, name varchar(255), deliveries integer)")
    ask_source("insert into source.suppliers values (1, 'Acme', 7), (2, 'Zenith', 0)")
    try:
        tables = repository / "storeline" / "tables.py"
        tables.write_text(tables.read_text().replace("TABLES = (\n", 'TABLES = (\n    Table("suppliers"),\n'))
        (repository / "spark_jobs" / "marts" / "deliveries.sql").write_text(MART)
        (repository / "spark_jobs" / "marts" / "deliveries.yaml").write_text(EXAMPLE)

        for job in ("replicate", "build_marts"):
            process = submit(databases, job, root=repository)
            out, err = process.communicate(timeout=300)
            assert process.returncode == 0, out + err
        assert ask_target("select * from marts.deliveries") == [(1, "Acme", 7), (2, "Zenith", 0)]

        example = (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:tests.budget",
            "tests/marts",
            "-k",
            "deliveries",
        )
        done = subprocess.run(example, cwd=repository, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    finally:
        ask_source("drop table source.suppliers")
