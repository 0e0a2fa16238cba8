"""Containers can read the code that compose mounts, whatever the umask, or a line says what to do."""

import shutil
import subprocess
from pathlib import Path

import pytest

from docker import checkout
from storeline.settings import ROOT

FOLDERS = ("dags", "storeline", "spark_jobs")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return code that everyone can read and only its owner can write."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(tmp_path, "go+rX,go-w")
    return tmp_path


def change(code: Path, mode: str, *names: str) -> None:
    subprocess.run(("chmod", "-R", mode, *(str(code / name) for name in names or FOLDERS)), check=True)


def found(code: Path) -> tuple[list[str], list[str]]:
    return checkout.problems(code, checkout.by_mode), checkout.notes(code, checkout.by_mode)


def test_code_that_everybody_can_read_is_fit(code: Path) -> None:
    assert found(code) == ([], [])


def test_a_checkout_made_with_umask_077_is_not_live_and_says_so(code: Path) -> None:
    change(code, "go-rwx")
    problems, notes = found(code)
    assert problems == []
    assert notes == [
        "dags, storeline, spark_jobs cannot be read by the containers, which run the code in their image; "
        "to use edits without a build: chmod -R go+rX,o-w dags storeline spark_jobs"
    ]


@pytest.mark.parametrize("name", ["dags/create_data_marts.py", "spark_jobs/marts", "storeline"])
def test_one_part_that_cannot_be_read_is_named(code: Path, name: str) -> None:
    change(code, "go-rwx", name)
    heal = "chmod -R go+rX,o-w dags storeline spark_jobs"
    assert found(code) == ([f"{name} cannot be read by the containers: {heal}"], [])


def test_code_that_anybody_may_write_is_named(code: Path) -> None:
    change(code, "o+w", "storeline/tables.py")
    assert found(code)[1] == [
        "any user can change storeline/tables.py and so what runs: chmod -R go+rX,o-w dags storeline spark_jobs"
    ]


def test_what_is_said_heals(code: Path) -> None:
    change(code, "go-rwx")
    change(code, "o+w", "dags")
    subprocess.run(checkout.HEAL.split(), cwd=code, check=True)
    assert found(code) == ([], [])


def test_a_clone_with_windows_line_ends_has_none(tmp_path: Path) -> None:
    git = (
        "git",
        "-c",
        "core.autocrlf=true",
        "clone",
        "--quiet",
        "--depth",
        "1",
        f"file://{ROOT}",
        str(tmp_path / "clone"),
    )
    subprocess.run(git, check=True)
    files = [path for path in (tmp_path / "clone").rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(files) > 100
    assert [path.name for path in files if path.suffix != ".png" and b"\r\n" in path.read_bytes()] == []
