"""The jobs as processes of their own: from a user's tree with one table and one mart more, in another time zone.

Adding a table takes one entry, adding a mart takes two files, and nothing else changes. And the machine's zone never
affects a moment.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from native.spark import archived_classes
from native.stack import Stack
from storeline.settings import ROOT, Settings
from storeline.stores import postgres
from tests.integration.conftest import submit
from tests.integration.events import Ask
from tests.marts.comparison import differences

pytestmark = pytest.mark.integration

# Its offset from UTC is not in whole hours, and its clocks change: 02:00 to 03:00 there did not exist that day.
ZONE = "America/St_Johns"
IN_THE_GAP = "2026-03-08 02:30:00Z"
SHOP = f"""
    create table source.suppliers (supplier_id bigint primary key, name varchar(255), deliveries integer);
    insert into source.suppliers values (1, 'Acme', 7), (2, 'Zenith', 0);
    update source.users set registration_date = '{IN_THE_GAP}';
    update source.orders set order_date = '{IN_THE_GAP}' where delivery_date is null
"""
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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the repository in which a user has added a table and a mart."""
    root: Path = tmp_path_factory.mktemp("repository")
    for name in ("storeline", "spark_jobs", "tests", "docs", "native", "pyproject.toml", ".env", "README.md"):
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, root / name)
    tables = root / "storeline" / "tables.py"
    tables.write_text(tables.read_text().replace("TABLES = (\n", 'TABLES = (\n    Table("suppliers"),\n'))
    (root / "spark_jobs" / "marts" / "deliveries.sql").write_text(MART)
    (root / "spark_jobs" / "marts" / "deliveries.yaml").write_text(EXAMPLE)
    return root


@pytest.fixture(scope="module")
def ran(repository: Path, databases: Stack, shop: None) -> Iterator[None]:
    """Run both jobs in the other zone; afterwards the shop is the default one again."""
    with closing(postgres.owner(databases.settings).connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(SHOP)
        try:
            for job in ("replicate", "build_marts"):
                with submit(databases, job, root=repository, TZ=ZONE) as process:
                    said = "".join(process.communicate(timeout=300))
                assert process.returncode == 0, said[-3000:]
            yield
        finally:
            cursor.execute("drop table source.suppliers")
            databases.run("generators.shop", "--replace")


def test_a_table_is_one_entry_and_a_mart_is_two_files(ran: None, ask_target: Ask) -> None:
    assert ask_target("select * from marts.deliveries") == [(1, "Acme", 7), (2, "Zenith", 0)]


def test_every_mart_built_in_another_time_zone_equals_an_independent_computation(ran: None, settings: Settings) -> None:
    assert differences(settings) == []


@pytest.mark.slow(reason="the examples run as a process, from the user's tree, with Spark's start")
def test_the_example_of_an_added_mart_is_run(repository: Path) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:tests.budget")
    done = subprocess.run(
        (*command, "tests/marts", "-k", "deliveries"),
        cwd=repository,
        env=os.environ | {"SPARK_SUBMIT_OPTS": archived_classes()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
