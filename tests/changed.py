"""Run what a change touches: `pytest --changed`, of all tests those that reach a file that differs from upstream's.

A test reaches its own file, the fixtures that it uses, and what these import, and so on. A module reaches, too, what it
names in a text: a module that it starts, a file, a folder. So a process that is started, an executor and a server count
like a call, as coverage of this process would not have them. A file that no test reaches by name runs all of them.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import getfile
from pathlib import Path

import pytest

from storeline.settings import ROOT

WORD = re.compile(r"[\w.-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--changed", nargs="?", const="", help="run what differs from upstream, or what reaches FILE,FILE")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    said = config.getoption("changed")
    if said is None:
        return
    wanted = {ROOT / name for name in (said.split(",") if said else differing())}
    reached = {item: reach(item) for item in items}
    unknown = wanted - set().union(*reached.values())
    kept = [item for item in items if reached[item] & wanted or (unknown and wanted)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def differing() -> list[str]:
    """Return the files that differ from what this branch began with, those that git does not know yet included."""
    base = git("merge-base", "HEAD", "@{upstream}") or ["HEAD"]
    return git("diff", "--name-only", *base) + git("ls-files", "--others", "--exclude-standard")


def git(*words: str) -> list[str]:
    return subprocess.run(("git", *words), cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()


def reach(item: pytest.Item) -> set[Path]:
    """Return every file of the repository that a test reaches."""
    roots: set[Path] = {item.path}
    for definitions in item._fixtureinfo.name2fixturedefs.values():  # type: ignore[attr-defined]
        for definition in definitions:
            file = Path(getfile(definition.func))
            if file.is_relative_to(ROOT / "tests"):
                roots |= {file} | reached_in(file, definition.func.__name__)
    roots |= {found for folder in item.path.parents if (found := folder / "conftest.py").exists()}
    found: set[Path] = set()
    for root in roots:
        found |= {root} if root.name == "conftest.py" else closure(root)
    return found


@cache
def closure(file: Path) -> frozenset[Path]:
    """Return what a module reaches, itself included."""
    found, left = {file}, [file]
    while left:
        new = direct(left.pop()) - found
        found |= new
        left += [one for one in new if one.suffix == ".py"]
    return frozenset(found)


@cache
def direct(file: Path) -> frozenset[Path]:
    return frozenset(named_in([ast.parse(file.read_text())]))


@cache
def reached_in(file: Path, function: str) -> frozenset[Path]:
    """Return what one function of a conftest reaches, through the names that it uses."""
    tree = ast.parse(file.read_text())
    imported = {
        alias.asname or alias.name: node
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    own = {name: node for node in tree.body for name in defined(node)}
    used, left = {function}, [function]
    while left:
        names = {node.id for node in ast.walk(own[left.pop()]) if isinstance(node, ast.Name)}
        left += [name for name in names - used if name in own]
        used |= names
    nodes: list[ast.AST] = [own[name] for name in used if name in own]
    return frozenset(named_in(nodes + [imported[name] for name in used if name in imported]))


def defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def named_in(trees: Iterable[ast.AST]) -> Iterator[Path]:
    """Yield the modules that code imports, and the modules, files and folders that it names in a text."""
    for tree in trees:
        remarks = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (file for alias in node.names for file in module(alias.name))
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from module(node.module)
                yield from (file for alias in node.names for file in module(f"{node.module}.{alias.name}"))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in remarks:
                for word in WORD.findall(node.value):
                    yield from module(word) if "." in word else ()
                    yield from by_name().get(word, ())


def module(name: str) -> Iterator[Path]:
    path = ROOT.joinpath(*name.split("."))
    yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file in files())


@cache
def files() -> frozenset[Path]:
    return frozenset(ROOT / name for name in git("ls-files", "--cached", "--others", "--exclude-standard"))


@cache
def by_name() -> dict[str, set[Path]]:
    """Return the files that a word names: all of a top-level folder, and, where it is no code, by name or folder."""
    found: dict[str, set[Path]] = {}
    for file in files():
        room = file.relative_to(ROOT).parts[0]
        words = {room} if room != "tests" else set()
        if file.suffix != ".py":
            words |= {file.name, file.parent.name}
        for word in words:
            found.setdefault(word, set()).add(file)
    return found
