"""The installer: parts side by side, each after what it needs, and one line for what fails."""

import time

import pytest

from native import install
from storeline.errors import StorelineError


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names of parts as they end; those that others need take longest."""
    names: list[str] = []

    def part(name: str) -> str:
        time.sleep(0.2 if name in ("python", "jars") else 0)
        names.append(name)
        return "1"

    monkeypatch.setattr(install, "STEPS", {name: lambda name=name: part(name) for name in install.STEPS})
    monkeypatch.setattr(install, "INSTALLED", tmp_path_factory.mktemp("installed"))
    return names


def test_parts_are_installed_side_by_side_and_each_after_what_it_needs(ended: list[str]) -> None:
    install.main([])
    assert set(ended) == set(install.STEPS)
    assert ended[-1] == "classes"
    assert set(ended[-3:-1]) == {"python", "jars"}


def test_only_what_is_asked_for_is_installed(ended: list[str]) -> None:
    install.main(["jars", "classes"])
    assert ended == ["jars", "classes"]


def test_a_part_that_fails_ends_it_with_one_line_and_what_needs_it_is_not_tried(
    ended: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise StorelineError("pip failed: no such package")

    monkeypatch.setitem(install.STEPS, "python", refuse)
    with pytest.raises(SystemExit) as stopped:
        install.main([])
    assert str(stopped.value) == "install: pip failed: no such package"
    assert set(ended) == set(install.STEPS) - {"python", "classes"}
