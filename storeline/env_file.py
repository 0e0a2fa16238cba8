"""A file of assignments such as `.env.local`, read exactly as compose reads it, or refused."""

import re
from collections.abc import Container
from pathlib import Path

from storeline.variables import SettingsError

ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def read(path: Path, known: Container[str]) -> dict[str, str]:
    """Return a file's assignments. Raises SettingsError for an invalid line, or a name that is not `known`."""
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = ASSIGNMENT.fullmatch(line.strip())
        if not match:
            raise SettingsError(f"{path.name}, line {number}: expected NAME=value or a comment")
        name, value = match.groups()
        if name not in known:
            raise SettingsError(f"{name} in {path.name}, line {number}, is unknown: expected a name from .env")
        if name in values:
            raise SettingsError(f"{name} in {path.name}, line {number}, is set twice")
        try:
            values[name] = unquoted(value.strip())
        except ValueError:
            raise SettingsError(
                f"{name} in {path.name}, line {number}: compose reads $, quotes and # differently: write the value "
                "in single quotes, or set it in the environment if it contains one itself"
            ) from None
    return values


def unquoted(value: str) -> str:
    """Return a file's value, as compose reads it too. Raises ValueError where the two would differ."""
    inner = value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == "'" and "'" not in inner and not inner.endswith("\\"):
        return inner
    if len(value) > 1 and value[0] == value[-1] == '"' and not set(inner) & set('"\\$'):
        return inner
    if value.startswith(("'", '"')) or "$" in value or re.search(r"\s#", value):
        raise ValueError
    return value
