"""What the documents name exists: targets, verbs, links, files, and the sections that every README needs."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from storeline.commands.parser import VERBS, name_of
from storeline.settings import ROOT

AT_THE_ROOT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = (*(ROOT / name for name in AT_THE_ROOT), *sorted((ROOT / "docs").glob("*.md")))
MAP = (ROOT / "docs" / "map.md").read_text()
COMMAND = re.compile(r"(?:^\s*|`|bin/|--rm )storeline ([a-z][a-z-]*)", re.MULTILINE)
# A step of a walk: a file, and its functions that are called one after the other.
CALLED = re.compile(r"`([\w/]+\.py)`:\s+(`[\w.]+`(?:\s+→\s+`[\w.]+`)*)")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def code_of(page: str) -> str:
    """Return a page's code: its blocks and its spans."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_names_exists(page):
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code_of(page.read_text()))) <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_verb_of_the_command_that_a_page_names_exists(page):
    assert set(COMMAND.findall(code_of(page.read_text()))) <= {name_of(verb) for verb in VERBS}


def test_the_map_names_every_file_of_storeline_where_it_is():
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "storeline").glob("**/*.py") if path.name != "__init__.py"}
    assert set(re.findall(r"^\| `(storeline/\S+\.py)` \|", MAP, flags=re.MULTILINE)) == files


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_repository_that_a_page_names_exists(page):
    named = set(re.findall(rf"`((?:{'|'.join(folders())})/[\w./-]+\.\w+)`", page.read_text()))
    assert sorted(file for file in named if not (ROOT / file).exists()) == []


def test_every_folder_is_on_the_map():
    assert set(re.findall(r"^\| `([\w.]+)/` \|", MAP, flags=re.MULTILINE)) == folders()


def folders() -> set[str]:
    """Return the root's folders that contain a file of the repository."""
    listed = subprocess.run(("git", "ls-files", "*/*"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {file.split("/")[0] for file in listed.splitlines()}


def test_the_walks_on_the_map_name_functions_that_are_there():
    steps = CALLED.findall(MAP)
    assert len(steps) > 50
    for file, names in steps:
        assert set(re.findall(r"[\w.]+", names)) <= set(defined(ROOT / file)), file


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def defined(file: Path) -> Iterator[str]:
    """Yield what a file defines: functions, constants, and methods with their class."""
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.FunctionDef(name):
                yield name
            case ast.ClassDef(name, body=body):
                yield from (f"{name}.{method.name}" for method in body if isinstance(method, FUNCTIONS))
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def test_make_prints_every_target_but_its_inner_steps():
    printed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert TARGETS - printed <= {"python"} | {target for target in TARGETS if target.startswith("bench-")}


@pytest.mark.parametrize(
    "section",
    ["Start", "Where things are", "Change it", "The storeline command", "Without Docker", "Test it", "Limits"],
)
def test_the_readme_answers_what_a_newcomer_asks(section):
    _, _, text = (ROOT / "README.md").read_text().partition(f"\n## {section}\n")
    assert text.strip()
