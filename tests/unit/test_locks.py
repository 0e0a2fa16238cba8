"""The images are installed from parts of the one lock: users run what the tests run."""

import re

import pytest

from storeline.settings import ROOT

PIN = re.compile(r"^\S+==.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
MARKER = re.compile(r" ; [^\\\n]*(?= \\)")


def pins(name: str) -> set[str]:
    """Return the packages that a lock installs, each with its version and hashes.

    The whole lock may be less specific about the platforms for which a part needs a package.
    """
    found = PIN.findall((ROOT / name).read_text())
    return {MARKER.sub("", pin) for pin in found if "sys_platform == 'never'" not in pin}


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("requirements-spark.txt", "requirements-airflow.txt"),
        ("requirements-spark.txt", "requirements-notebook.txt"),
        ("requirements-airflow.txt", "requirements.txt"),
        ("requirements-notebook.txt", "requirements.txt"),
    ],
)
def test_a_part_holds_what_the_whole_holds(part: str, whole: str) -> None:
    assert pins(part) < pins(whole)


@pytest.mark.parametrize("part", ["requirements-airflow.txt", "requirements-notebook.txt"])
def test_no_tool_of_the_tests_is_in_an_image(part: str) -> None:
    named = {pin.split("==")[0] for pin in pins(part)}
    assert not named & {"pytest", "mypy", "ruff", "hypothesis", "uv", "sqlfluff", "bandit", "selenium"}
