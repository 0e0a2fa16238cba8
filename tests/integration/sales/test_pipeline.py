"""The six steps from the export to ClickHouse: their results, alone, when repeated, and when killed."""

import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing

import pyarrow.parquet as pq
import pytest

from storeline.settings import ROOT
from storeline.stores import clickhouse, postgres
from tests import sales as independent
from tests.integration.sales.conftest import DATE, OTHER, Pipeline

pytestmark = pytest.mark.integration


def test_the_summary_equals_an_independent_computation_from_the_export(pipeline: Pipeline) -> None:
    counting, _ = independent.judged(independent.raw_rows(pipeline.root, DATE), DATE)
    expected = independent.summary(counting.values())
    assert len(expected) > 2000
    columns = "* except (import_date)"
    assert pipeline.ask_clickhouse(f"select {columns} from sales.sales_summary order by region, product_id") == expected
    found = pipeline.ask("select * from sales.sales_summary order by region, product_id")
    assert [row[1:] for row in found] == expected
    assert pipeline.ask_clickhouse("select distinct import_date from sales.sales_summary") == [(DATE,)]


def test_what_was_sown_is_what_was_found_and_rejected_by_kind(pipeline: Pipeline) -> None:
    sown = pipeline.folder("raw").read().facts["sown"]
    reported = pipeline.ask("select rule, bad_rows, checked_rows, bad_share, example from ops.sales_reports")
    assert {rule: rows for rule, rows, *_ in reported} == sown
    assert {(checked, round(share * 20000, 6)) for _, _, checked, share, _ in reported} == {
        (20000, n) for n in sown.values()
    }
    assert all(example for rule, *_, example in reported if rule != "duplicate")
    rejected = pipeline.folder("rejected")
    reasons = Counter[str]()
    for part in rejected.read().parts:
        reasons.update(pq.read_table(rejected.path(part.name))["reason"].to_pylist())
    assert reasons == sown
    assert pipeline.ask("select count(*) from sales.sales") == [(20000 - sum(sown.values()),)]


def test_each_step_leaves_its_rows_in_the_ledger(pipeline: Pipeline) -> None:
    good = pipeline.ask("select count(*) from sales.sales")[0][0]
    summed = pipeline.ask("select count(*) from sales.sales_summary")[0][0]
    rows = {"generate": 20000, "validate": 20000, "clean": good, "load": good, "analyse": summed, "transfer": summed}
    assert dict(pipeline.ask("select step, row_count from ops.sales_steps order by ended_at")) == rows


def test_a_second_run_of_a_date_changes_nothing_and_another_date_stands_beside_it(pipeline: Pipeline) -> None:
    before, files = pipeline.state(), sorted(path.name for path in (pipeline.root / str(DATE)).rglob("*"))
    pipeline.run()
    assert pipeline.state() == before
    # Each run writes its own files; none of the previous run is left.
    assert len(list((pipeline.root / str(DATE)).rglob("*"))) == len(files)
    pipeline.configured(SALES_ROWS="3000").run(OTHER)
    assert pipeline.ask("select distinct run_date from sales.sales order by 1") == [(OTHER,), (DATE,)]
    with_both = pipeline.state()
    for number in (0, 1, 2):
        assert [row for row in with_both[number] if row[0] == DATE] == before[number]  # type: ignore[attr-defined]
        assert any(row[0] == OTHER for row in with_both[number])  # type: ignore[attr-defined]


def test_a_reader_of_clickhouse_sees_a_date_whole_as_it_was_or_as_it_becomes(pipeline: Pipeline) -> None:
    query = f"select count(), sum(quantity), min(import_date) from sales.sales_summary where import_date = '{DATE}'"
    seen, ended = set(), threading.Event()

    def read() -> None:
        with closing(clickhouse.connect(pipeline.settings)) as client:
            while not ended.is_set():
                seen.update(client.query(query))

    states = set()
    reader = threading.Thread(target=read)
    reader.start()
    try:
        for factor in (2, 3, 5, 7, 1):
            with (
                closing(postgres.sales(pipeline.settings).connect()) as connection,
                connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("delete from sales.sales_summary where run_date = %s", (DATE,))
            pipeline.take("analyse")
            with (
                closing(postgres.owner(pipeline.settings).connect()) as connection,
                connection,
                connection.cursor() as cursor,
            ):
                # Different row counts too: half of the rows must not pass for all of a smaller set.
                cursor.execute(
                    "update sales.sales_summary set quantity = quantity * %s where run_date = %s", (factor, DATE)
                )
                cursor.execute(
                    "delete from sales.sales_summary where run_date = %s and product_id %% 7 = %s - 1", (DATE, factor)
                )
            code, said = pipeline.take("transfer")
            assert code == 0, said
            states.update(pipeline.ask_clickhouse(query))
    finally:
        ended.set()
        reader.join()
    assert len(states) == 5
    assert len(seen) >= 3
    before = independent.summary(independent.judged(independent.raw_rows(pipeline.root, DATE), DATE)[0].values())
    assert seen - states <= {(len(before), sum(row[3] for row in before), DATE)}
    pipeline.take("analyse")
    pipeline.take("transfer")


KILLED = """
import os, signal, sys
from storeline.stores.clickhouse import Client, ClickhouseError
from storeline.sales import step, transfer

before, statement = sys.argv[1:3]
execute = Client.command

def command(self, text):
    if before == "before" and text.startswith(statement):
        os.kill(os.getpid(), signal.SIGKILL)
    execute(self, text)
    if before == "after" and text.startswith(statement):
        os.kill(os.getpid(), signal.SIGKILL)

Client.command = command
step.main("transfer", transfer.transfer, sys.argv[3:])
"""


@pytest.mark.parametrize(
    ("when", "statement"), [("after", "create table"), ("before", "alter table"), ("after", "alter table")]
)
def test_a_transfer_that_is_killed_and_repeated_doubles_nothing(pipeline: Pipeline, when: str, statement: str) -> None:
    before = pipeline.state()
    done = subprocess.run(
        (sys.executable, "-c", KILLED, when, statement, str(DATE)),
        env={**pipeline.settings.values, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == -9
    assert pipeline.state()[:3] == before[:3]
    code, said = pipeline.take("transfer")
    assert code == 0, said
    assert pipeline.state() == before
