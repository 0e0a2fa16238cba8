"""What a mart promises: one SQL file whose leading comment is its contract. A new mart is that file and its example.

The format: a block comment with YAML (`about`, `grain`, `reads`, `columns`, `checks`, for a view `view: true`), then
one Spark SQL select. A column reads `name: MYSQLTYPE, meaning`; only `name: MYSQLTYPE null, meaning` may hold nulls.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from storeline.errors import StorelineError
from storeline.tables import TABLES

# Next to the code, wherever that is: a job shipped with --py-files imports from an archive.
MARTS = files("spark_jobs") / "marts"

FILE = re.compile(r"/\*(?P<contract>.*?)\*/(?P<query>.*)", re.DOTALL)
KEYS = {"about", "grain", "reads", "columns", "checks"}
COLUMN = re.compile(r"(?P<type>[A-Z]+(?:\([0-9,]+\))?)(?P<null> null)?, (?P<meaning>\S.*)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# MySQL's limits: 64 characters for a name, 2048 for a table's comment and 1024 for a column's.
NAME_LENGTH, ABOUT_LENGTH, MEANING_LENGTH = 64, 2048, 1024
SPARK_TYPES = {"BIGINT": "bigint", "INT": "int", "TEXT": "string", "DATE": "date", "DATETIME(6)": "timestamp"}
DECIMAL, VARCHAR = re.compile(r"DECIMAL\((\d{1,2}),(\d{1,2})\)"), re.compile(r"VARCHAR\((\d{1,5})\)")


@dataclass(frozen=True)
class MartColumn:
    """A column of a mart as MySQL has it."""

    name: str
    mysql_type: str
    meaning: str
    nullable: bool


@dataclass(frozen=True)
class Mart:
    """A mart's table, or a view of a mart: the content of its file."""

    name: str
    about: str
    grain: tuple[str, ...]
    reads: tuple[str, ...]
    columns: tuple[MartColumn, ...]
    checks: tuple[str, ...]
    query: str
    is_view: bool


def spark_type(column: MartColumn) -> str:
    """Return the Spark SQL type that the query's column must have, as `simpleString` writes it."""
    if match := DECIMAL.fullmatch(column.mysql_type):
        precision, scale = map(int, match.groups())
        # Spark's decimals end at 38 digits, MySQL's scale at 30.
        if 1 <= precision <= 38 and scale <= min(precision, 30):
            return f"decimal({precision},{scale})"
    elif match := VARCHAR.fullmatch(column.mysql_type):
        if 1 <= int(match[1]) <= 16383:
            return "string"
    elif column.mysql_type in SPARK_TYPES:
        return SPARK_TYPES[column.mysql_type]
    known = ", ".join([*SPARK_TYPES, "DECIMAL(p,s)", "VARCHAR(n)"])
    raise StorelineError(f"column {column.name} has the unknown type {column.mysql_type}: expected one of {known}")


def load(folder: Traversable = MARTS) -> tuple[Mart, ...]:
    """Return all marts, each after those that it reads, otherwise by name. Raises StorelineError."""
    marts: dict[str, Mart] = {}
    taken = {table.name.casefold(): f"the replica's table {table.name}" for table in TABLES}
    for path in sorted(folder.iterdir(), key=lambda file: file.name):
        if not path.name.endswith(".sql"):
            continue
        mart = read_file(path)
        marts[mart.name] = mart
        # Spark does not distinguish names by case.
        if other := taken.get(mart.name.casefold()):
            raise StorelineError(f"{path.name}: the name is already used by {other}")
        taken[mart.name.casefold()] = path.name
    if not marts:
        raise StorelineError(f"{folder.name}: holds no mart")
    known = {table.name for table in TABLES} | set(marts)
    for mart in marts.values():
        if strangers := [name for name in mart.reads if name not in known]:
            raise StorelineError(f"{mart.name}.sql: reads {strangers[0]}, neither a table of the replica nor a mart")
        if mart.is_view and not (len(mart.reads) == 1 and mart.reads[0] in marts):
            raise StorelineError(f"{mart.name}.sql: a view reads exactly one mart and nothing else")
    return tuple(marts[name] for name in _in_order(marts.values()))


def _in_order(marts: Collection[Mart]) -> Iterator[str]:
    names = {mart.name for mart in marts}
    sorter = TopologicalSorter({mart.name: [read for read in mart.reads if read in names] for mart in marts})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = error.args[1]
        raise StorelineError(f"{circle[0]}.sql: marts read each other in a cycle: {' → '.join(circle)}") from None
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        yield from ready
        sorter.done(*ready)


def read_file(path: Traversable) -> Mart:
    """Return the mart of a file, regardless of other marts. Raises StorelineError."""
    try:
        return _parse(path.name.removesuffix(".sql"), path.read_text(encoding="utf-8"))
    except (StorelineError, UnicodeDecodeError) as error:
        raise StorelineError(f"{path.name}: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise StorelineError(f"{path.name}: line {line} of the contract is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise StorelineError(f"{path.name}: the contract is not YAML: {str(error).splitlines()[0]}") from None


class _Contract(yaml.BaseLoader):
    """YAML in which every scalar is text and no key may appear twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise StorelineError(f"{twice[0]} appears twice in the contract")
        return super().construct_mapping(node, deep)


def _parse(name: str, text: str) -> Mart:
    match = FILE.fullmatch(text)
    if not match:
        raise StorelineError("expected the contract first, in a comment /* … */")
    # A BaseLoader creates only text.
    contract = yaml.load(match["contract"], _Contract)  # nosec B506
    query = match["query"].strip()
    _require(isinstance(contract, dict), "the contract must be a mapping with the keys " + ", ".join(sorted(KEYS)))
    for key in contract:
        _require(key in KEYS | {"view"}, f"unknown key {key}")
    for key in sorted(KEYS):
        _require(key in contract, f"missing key {key}")
    about, view = contract["about"], contract.get("view", "false")
    _require(isinstance(about, str) and 0 < len(about) <= ABOUT_LENGTH, f"about must be 1 to {ABOUT_LENGTH} characters")
    _require(view in ("true", "false"), "view must be true or false")
    _require(isinstance(contract["columns"], dict) and contract["columns"] != {}, "columns must be a mapping")
    columns = tuple(_column(*item) for item in contract["columns"].items())
    mart = Mart(
        _name(name, "the mart's name"),
        about,
        _texts(contract, "grain"),
        _texts(contract, "reads"),
        columns,
        _texts(contract, "checks") if contract["checks"] != [] else (),
        query,
        view == "true",
    )
    names = [column.name.casefold() for column in columns]
    for column in columns:
        _require(names.count(column.name.casefold()) == 1, f"column {column.name} appears twice, ignoring case")
    by_name = {column.name: column for column in columns}
    for part in mart.grain:
        _require(part in by_name, f"{part} is in the grain but not in the columns")
        _require(not by_name[part].nullable, f"{part} is in the grain, so it cannot be null")
        _require(by_name[part].mysql_type != "TEXT", f"{part} is in the grain, so it cannot be TEXT")
    _require(query != "", "the query is empty")
    is_select = re.match(r"(with|select)\b", query, re.IGNORECASE) and not query.endswith(";")
    _require(bool(is_select), "the query must be one select (or with … select) without a semicolon")
    return mart


def _column(name: str, text: object) -> MartColumn:
    match = COLUMN.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise StorelineError(f"column {name} must read `TYPE, meaning` or `TYPE null, meaning`")
    _require(len(match["meaning"]) <= MEANING_LENGTH, f"column {name}: the meaning is longer than {MEANING_LENGTH}")
    column = MartColumn(_name(name, "the column name"), match["type"], match["meaning"], match["null"] is not None)
    spark_type(column)
    return column


def _name(name: str, what: str) -> str:
    _require(len(name) <= NAME_LENGTH, f"{what} {name} is longer than {NAME_LENGTH} characters")
    _require(NAME.fullmatch(name) is not None, f"{what} {name!r} must be letters, digits and _, no digit first")
    return name


def _texts(contract: dict[str, Any], key: str) -> tuple[str, ...]:
    texts = contract[key]
    is_list = isinstance(texts, list) and texts != [] and all(isinstance(text, str) and text for text in texts)
    _require(is_list, f"{key} must be a non-empty list of texts")
    _require(len(set(texts)) == len(texts), f"{key} names something twice")
    return tuple(texts)


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise StorelineError(otherwise)
