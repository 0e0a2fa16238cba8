"""Run what a change affects: `pytest --changed` selects the tests that reach a file that differs from upstream.

A test reaches its own file, its fixtures, what these import, and so on. Names in strings count too: a module that is
started, a file, a folder whose files are listed. So files read by a process, an executor or a server are reached like a
function that is called; coverage of the test process would miss them. A changed file that no test reaches selects all
tests.
"""

import ast
import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import getfile
from pathlib import Path
from typing import Any

import pytest

from storeline.settings import ROOT

WORD = re.compile(r"[\w.-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--changed", nargs="?", const="", help="run what reaches changes since upstream, or FILE,FILE")


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
    """Return the files that differ from this branch's base, including untracked ones."""
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
        found |= {root} if root.name == "conftest.py" or root.suffix != ".py" else closure(root)
    return found


@cache
def closure(file: Path) -> frozenset[Path]:
    """Return what a module reaches, including itself."""
    found, left = {file}, [file]
    while left:
        new = direct(left.pop()) - found
        found |= new
        left += [one for one in new if one.suffix == ".py"]
    return frozenset(found)


@cache
def direct(file: Path) -> frozenset[Path]:
    tree = ast.parse(file.read_text())
    # The stack knows the DAGs' folder, but most tests need no more of it than that.
    folders = below_root(tree) if file.is_relative_to(ROOT / "tests") else ()
    return frozenset([*named_in([tree]), *folders])


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
        names = {node.id for node in executed(own[left.pop()]) if isinstance(node, ast.Name)}
        left += [name for name in names - used if name in own]
        used |= names
    nodes: list[ast.AST] = [own[name] for name in used if name in own]
    return frozenset(named_in(nodes + [imported[name] for name in used if name in imported]))


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a function's nodes without its type annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from executed(child)


def defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def named_in(trees: Iterable[ast.AST]) -> Iterator[Path]:
    """Yield the modules that code imports, and the modules, files and folders named in its strings."""
    texts: set[str] = set()
    for tree in trees:
        remarks = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (file for alias in node.names for file in module(alias.name))
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from module(node.module)
                yield from (file for alias in node.names for file in module(f"{node.module}.{alias.name}"))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in remarks:
                texts.add(node.value)
    words = {word for text in texts for word in WORD.findall(text)}
    for word in words:
        yield from module(word) if "." in word else ()
        yield from by_name().get(word, ())
    for text in texts:
        if re.fullmatch(r"\*?\.\w+", text):  # a suffix of files, in a folder that is named as well
            yield from (file for word in words for file in by_folder().get((word, text.lstrip("*")), ()))
        if text.endswith("."):  # a module of a package, chosen at run time
            yield from (file for file in files() if file.parent == ROOT / text[:-1] and file.suffix == ".py")


def below_root(tree: ast.AST) -> Iterator[Path]:
    """Yield the files of folders that a test names as `ROOT / "folder"`."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(ast.Name("ROOT"), ast.Div(), ast.Constant(name)):
                yield from (file for file in files() if file.is_relative_to(ROOT / str(name)))


def module(name: str) -> Iterator[Path]:
    path = ROOT.joinpath(*name.split("."))
    yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file in files())


@cache
def files() -> frozenset[Path]:
    return frozenset(ROOT / name for name in git("ls-files", "--cached", "--others", "--exclude-standard"))


@cache
def by_name() -> dict[str, set[Path]]:
    """Return the files that are not Python, by name."""
    return group((file.name, file) for file in files() if file.suffix != ".py")


@cache
def by_folder() -> dict[tuple[str, str], set[Path]]:
    """Return the files that are not Python, by folder name and suffix."""
    return group(((file.parent.name, file.suffix), file) for file in files() if file.suffix != ".py")


def group(pairs: Iterable[tuple[Any, Path]]) -> dict[Any, set[Path]]:
    found: dict[Any, set[Path]] = {}
    for key, file in pairs:
        found.setdefault(key, set()).add(file)
    return found
