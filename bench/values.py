"""Show what the copy and its rivals make of values at the edges of the shop's types: value in, value out.

Usage: python -m bench.values

Each value is a table of its own, so that one that is refused takes no other along. A contestant copies a value
exactly, refuses it with an error, or ends well with another value in MySQL: that is shown.
"""

import json
import platform
import re
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from bench.contents import columns_of, differing
from bench.contestants import COPY, RIVALS, database_of, ours
from bench.copy import LOCKED, versions
from bench.edges import EDGES
from bench.report import DOCUMENT, RESULTS, machine, replace_section
from bench.rivals.environment import version_of
from bench.stack import bench_stack
from native.stack import Stack
from storeline.stores import mysql, postgres
from storeline.tables import SOURCE_SCHEMA

TABLES = [f"edge_{number:02}" for number in range(len(EDGES))]
EXACT, REFUSED = "exact", "refused"
LONGEST = 32  # characters of a changed value that are shown
Verdicts = dict[str, tuple[str, str]]  # table -> what happened, and the value or the error's message


def main() -> None:
    """Create the values, let everyone copy them, publish what came out."""
    stack = bench_stack("postgres", "mysql", "spark")
    with stack:
        create(stack)
        found = {COPY: judged(stack, COPY, copied_by_us(stack))}
        for name, contestant in RIVALS.items():
            found[name] = judged(stack, name, contestant(stack, TABLES, True).failed)
            print(f"{name}: {sum(verdict == EXACT for verdict, _ in found[name].values())} exact", flush=True)
        publish(versions(stack) | {rival: version_of(rival, package) for rival, package in LOCKED.items()}, found)
    stack.delete()


def create(stack: Stack) -> None:
    """Create a table for each value."""
    with closing(postgres.owner(stack.settings).connect()) as connection, connection, connection.cursor() as cursor:
        for table, edge in zip(TABLES, EDGES, strict=True):
            cursor.execute(f"create table {SOURCE_SCHEMA}.{table} (id bigint primary key, v {edge.type})")
            cursor.execute(f"insert into {SOURCE_SCHEMA}.{table} values (1, {edge.sql})")  # nosec B608


def copied_by_us(stack: Stack) -> dict[str, str]:
    """Copy with the product, which publishes all tables or none; return the tables that it refuses, and why.

    The copy names what it refuses, so it is run again without that until it publishes the rest.
    """
    left, refused = list(TABLES), dict[str, str]()
    while failed := ours("verified")(stack, left, False).failed:
        message = next(iter(failed.values()))
        named = set(re.findall(r"edge_\d\d", message)) & set(left)
        if not named:
            raise SystemExit(f"bench.values: {message}")
        refused |= dict.fromkeys(named, message)
        left = [table for table in left if table not in named]
    return refused


def judged(stack: Stack, name: str, failed: dict[str, str]) -> Verdicts:
    """Return for each table whether its value arrived, was refused, or became another one."""
    database, verdicts = database_of(name), Verdicts()
    with closing(mysql.admin(stack.settings).connect()) as connection:
        for table in TABLES:
            if table in failed:
                verdicts[table] = REFUSED, failed[table]
            elif not columns_of(connection, database, table):
                verdicts[table] = "no table", ""
            elif not differing(stack.settings, database, table):
                verdicts[table] = EXACT, ""
            else:
                rows = mysql.ask(connection, f"select cast(v as char) from {database}.{table}")
                verdicts[table] = ("changed", shown(rows[0][0])) if rows else ("no row", "")
    return verdicts


def publish(found_versions: dict[str, str], found: dict[str, Verdicts]) -> None:
    """Write `bench/results/copy_values.json` and the table in docs/benchmarks.md."""
    content = {
        "versions": {"python": platform.python_version()} | found_versions,
        "machine": machine(),
        "results": [
            asdict(edge) | {name: dict(zip(("verdict", "detail"), found[name][table], strict=True)) for name in found}
            for table, edge in zip(TABLES, EDGES, strict=True)
        ],
    }
    (RESULTS / "copy_values.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    heads = ["type", "value", *(f"`{name}`" for name in found)]
    lines = [row(heads), row(["---"] * len(heads))]
    for table, edge in zip(TABLES, EDGES, strict=True):
        lines.append(row([edge.type, edge.name, *(cell(*found[name][table]) for name in found)]))
    exact = [str(sum(verdict == EXACT for verdict, _ in found[name].values())) for name in found]
    changed = [str(sum(verdict not in (EXACT, REFUSED) for verdict, _ in found[name].values())) for name in found]
    lines += [row(["", "arrived exactly", *exact]), row(["", "**other value, exit code 0**", *changed])]
    replace_section(DOCUMENT, "copy_values", "\n".join(lines))


def shown(value: str | None) -> str:
    """Return a value as a cell shows it."""
    if value is None or value == "":
        return "NULL" if value is None else "empty"
    cut = value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    return cut if cut.isprintable() else cut.encode("unicode_escape").decode()


def cell(verdict: str, detail: str) -> str:
    """Return a cell: the result for a value, in bold if another value arrived without an error."""
    if verdict in (EXACT, REFUSED):
        return verdict
    return f"**{detail if verdict == 'changed' else verdict}**"


def row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(one.replace('|', chr(92) + '|') for one in cells)} |"


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.values: {' '.join(error.cmd[-3:])}: {error.stderr[-2000:]}") from None
