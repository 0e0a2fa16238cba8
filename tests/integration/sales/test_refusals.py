"""Bad input is reported in one line that says what, where and what to do, and readers see no change."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from threading import Timer

import pytest

from storeline.sales import step as one_step
from storeline.settings import ROOT, Settings
from storeline.stores import postgres
from tests.integration.sales.conftest import DATE, OTHER, Pipeline

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("unchanged")]


def only_line(said: tuple[int, str]) -> str:
    """Return the line of a failed step."""
    code, text = said
    assert code == 1, text
    (line,) = text.splitlines()
    return line


def part_of(pipeline: Pipeline, folder: str) -> Path:
    manifest = pipeline.folder(folder).read()
    return Path(pipeline.folder(folder).path(manifest.parts[0].name))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def damage(path: Path) -> None:
    """Keep the size and the end, which holds the structure, and spoil what is before."""
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)


AGAIN = "clear the step that wrote it, and it is written again"
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "is missing, "),
    "truncated": (cut, " bytes, "),
    "damaged": (damage, ""),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize(("step", "folder"), [("validate", "raw"), ("clean", "raw"), ("load", "clean")])
def test_a_file_that_is_not_as_it_was_written_is_named(pipeline: Pipeline, step: str, folder: str, how: str) -> None:
    path = part_of(pipeline, folder)
    content = path.read_bytes()
    spoil, reason = BROKEN[how]
    spoil(path)
    try:
        line = only_line(pipeline.take(step))
    finally:
        path.write_bytes(content)
    assert line.startswith(f"{step}: {pipeline.root}/{DATE}/{folder}/{path.name}"), line
    assert reason in line
    assert line.endswith(AGAIN)


def test_a_step_whose_input_was_never_written_says_which_comes_first(pipeline: Pipeline) -> None:
    for step in ("validate", "clean", "load"):
        assert only_line(pipeline.take(step, date(2020, 1, 7))).endswith("holds nothing: run the previous step first")
    assert only_line(pipeline.take("analyse", OTHER)) == (
        f"analyse: there are no sales of {OTHER} in PostgreSQL: run load first"
    )
    # ClickHouse would empty the date.
    assert only_line(pipeline.take("transfer", OTHER)) == (
        f"transfer: there is no summary of {OTHER} in PostgreSQL: run analyse first"
    )


@pytest.mark.parametrize("text", ["2026-02-30", "next Tuesday", ""])
def test_a_run_date_that_is_none_is_refused(pipeline: Pipeline, text: str) -> None:
    assert only_line(pipeline.take("generate", text)) == (
        f"generate: the run date is {text or 'missing'}: expected a date like 2026-01-31"
    )


def test_a_run_date_in_the_future_is_refused(pipeline: Pipeline) -> None:
    tomorrow = date.today() + timedelta(days=2)
    line = only_line(pipeline.take("generate", tomorrow))
    assert line.startswith(f"generate: the run date {tomorrow} is in the future: today is ")
    assert not (pipeline.root / str(tomorrow)).exists()


def test_two_runs_of_one_date_at_once_are_refused_and_other_dates_are_not(pipeline: Pipeline) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in pipeline.settings.values.items():
            patch.setenv(name, value)
        patch.setattr(one_step, "LOCK_WAIT_MILLISECONDS", 100)
        with one_step.begun("clean", [str(DATE)]) as held:
            for step in ("generate", "validate", "transfer"):
                line = only_line(pipeline.take(step))
                assert line.startswith(f"{step}: the sales of {DATE} are being processed (sales:clean, since 20")
                assert line.endswith(" UTC): wait for that run to end")
            assert "no sales of" in only_line(pipeline.take("analyse", OTHER))
            held.numbers["rows"] = 0
    assert pipeline.take("transfer")[0] == 0


def test_a_step_waits_until_the_session_of_one_that_has_just_ended_is_gone(pipeline: Pipeline) -> None:
    ending = postgres.sales(pipeline.settings).connect()
    with ending.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtext(%s), %s)", (one_step.LOCK, DATE.toordinal()))
    gone = Timer(0.5, ending.close)
    gone.start()
    assert pipeline.take("transfer")[0] == 0
    gone.join()


def test_too_large_a_share_of_bad_rows_stops_the_run_and_is_reported(pipeline: Pipeline) -> None:
    code, said = pipeline.configured(SALES_BAD_SHARE_LIMIT="0.01").take("validate")
    *report, line = said.splitlines()
    assert code == 1
    assert any(row.startswith("duplicate ") for row in report)
    sown = pipeline.folder("raw").read().facts["sown"]
    assert line == (
        f"validate: {sum(sown.values()) / 20000:.2%} of the rows are bad, more than SALES_BAD_SHARE_LIMIT (1.00%), "
        f"most of them by duplicate ({sown['duplicate']} of 20000): see ops.sales_reports; nothing was loaded"
    )


def test_a_clickhouse_that_is_not_there_is_named(pipeline: Pipeline) -> None:
    elsewhere = pipeline.configured(CLICKHOUSE_HOST="127.0.0.2")
    assert only_line(elsewhere.take("transfer")) == (
        f"transfer: ClickHouse at 127.0.0.2:{pipeline.settings.clickhouse_port}: no answer: start it, or set "
        "CLICKHOUSE_HOST and CLICKHOUSE_PORT"
    )


FULL = """
mount -t tmpfs -o size=200k none "$SALES_STORAGE" && mkdir -p "$SALES_STORAGE/{date}" \
    && exec {python} -m generators.export_sales {date}
"""


def test_a_full_disk_is_named_and_no_export_is_visible(pipeline: Pipeline, tmp_path: Path) -> None:
    storage = tmp_path / "sales"
    storage.mkdir()
    # A separate file system that ends with the process; without root the process mounts it in its own namespace.
    command = (
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        FULL.format(date=DATE, python=sys.executable),
    )
    values = {
        **pipeline.settings.values,
        "SALES_STORAGE": str(storage),
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    done = subprocess.run(command, env=values, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith(f"generate: {storage}/{DATE}/raw/sales-")
    assert line.endswith(": no space is left: free some, or lower SALES_RETENTION_DAYS")


def test_files_that_nobody_wrote_to_for_long_are_deleted_and_their_rows_stay(pipeline: Pipeline) -> None:
    old, recent, foreign = (pipeline.root / name for name in ("2020-01-07", "2020-01-14", "mine"))
    for folder in (old, recent, foreign):
        (folder / "raw").mkdir(parents=True)
        (folder / "raw" / "manifest.json").write_text("{}")
    for folder in (old, foreign):
        os.utime(folder / "raw" / "manifest.json", (0, 0))
    try:
        code, said = pipeline.configured(SALES_RETENTION_DAYS="30").take("generate")
        assert (code, said.splitlines()[0]) == (
            0,
            "generate: the files of 2020-01-07 were deleted (SALES_RETENTION_DAYS)",
        )
        assert (old.exists(), recent.exists(), foreign.exists()) == (False, True, True)
    finally:
        for folder in (recent, foreign):
            subprocess.run(("rm", "-r", str(folder)), check=True)


def test_the_role_of_the_sales_may_do_nothing_else(pipeline: Pipeline) -> None:
    for statement in ("select * from source.users", "update sales.sales set quantity = 1", "drop table sales.sales"):
        with (
            closing(postgres.sales(pipeline.settings).connect()) as connection,
            connection.cursor() as cursor,
            pytest.raises(postgres.psycopg2.errors.InsufficientPrivilege),
        ):
            cursor.execute(statement)


def test_the_settings_refuse_what_is_no_address_of_an_object_store(pipeline: Pipeline) -> None:
    for text in ("127.0.0.1:9000", "ftp://here", "http://here/path"):
        assert Settings({**pipeline.settings.values, "SALES_STORAGE_ENDPOINT": text}).problems() == [
            f"SALES_STORAGE_ENDPOINT is '{text}': expected http://host:port, https://host:port, or nothing"
        ]
