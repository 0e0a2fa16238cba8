"""Write what follows from the code.

These are `docs/marts.md`, `docs/commands.md`, the list of marts in the README, the preflight's variables in the
compose file, and the sums of the default secrets.

Usage: python -m docs.generate [--check]    (--check writes nothing; it names the files that are out of date)
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from storeline.commands.parser import VERBS, name_of
from storeline.errors import StorelineError
from storeline.marts.contract import Mart, MartColumn, load
from storeline.settings import ROOT, Settings, read_file

ABOUT_COMMANDS = """# The storeline command

Written by `make docs` from `storeline/commands/`: change those, not this.

- On this machine: `bin/storeline VERB`
- In containers: `docker compose run --rm storeline VERB`

It exits with 0, with 1 and one line that says why, or with 2 when the words are wrong. `--help` after a verb prints
what this page says. In bash, with `bin` on the `PATH`, this lets the Tab key complete verbs and options:
`eval "$(.native/venv/bin/register-python-argcomplete storeline)"`."""
CONFIGURATION = re.compile(r"(?<=STORELINE_CONFIGURATION: \|\n)(?: {8}.*\n)+")
LIST = re.compile(r"(?<=<!-- marts:begin -->\n).*?(?=<!-- marts:end -->)", re.DOTALL)


def main() -> None:
    """Write the files that are out of date, or with --check only name them. Exits with 1 when it names one."""
    try:
        stale = outdated(ROOT, load())
    except StorelineError as error:
        sys.exit(f"docs: {error}")
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(f"docs: {path.name} is out of date: run `make docs`" for path in stale) or None)
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
        print(f"docs: wrote {path.relative_to(ROOT)}")


def outdated(root: Path, marts: Sequence[Mart]) -> dict[Path, str]:
    """Return each file under `root` that does not say what it should say, and that."""
    page, readme, compose = root / "docs" / "marts.md", root / "README.md", root / "docker-compose.yml"
    wanted = {page: marts_page(marts), root / "docs" / "commands.md": "\n".join(commands_page()) + "\n"}
    if readme.exists():
        table = "\n".join(mart_list(marts, "docs/marts.md")) + "\n"
        wanted[readme] = LIST.sub(lambda _: table, readme.read_text(encoding="utf-8"))
    if compose.exists():
        block = "".join(f"        {name}=${{{name}}}\n" for name in Settings.variables())
        wanted[compose] = CONFIGURATION.sub(lambda _: block, compose.read_text(encoding="utf-8"))
    if (root / ".env").exists():
        wanted[root / "docker" / "default-secrets.sha256"] = default_sums(read_file(root / ".env"))
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def default_sums(defaults: Mapping[str, str]) -> str:
    """Return the file by which the preflight knows the default secrets, without holding one."""
    names = [name for name, variable in Settings.variables().items() if variable.is_secret]
    return "".join(f"{sha256(defaults[name].encode()).hexdigest()}  {name}\n" for name in names)


def marts_page(marts: Sequence[Mart]) -> str:
    """Return the page that describes every mart."""
    about = "Written by `make docs` from the contracts in `spark_jobs/marts/`: change those, not this."
    head = ["# Marts", "", about, ""]
    return "\n".join([*head, *mart_list(marts), *(line for mart in marts for line in _section(mart))]) + "\n"


def mart_list(marts: Sequence[Mart], page: str = "") -> Iterator[str]:
    """Yield a table with a line for each mart, linked to where `page` describes it."""
    yield from ("| mart | one row for each | what it holds |", "| --- | --- | --- |")
    for mart in marts:
        link = f"[`{mart.name}`]({page}#{mart.name.lower()})"
        yield f"| {link} | {_codes(mart.grain)} | {_cell(mart.about)} |"


def _section(mart: Mart) -> Iterator[str]:
    yield from ("", f"## {mart.name}", mart.about, "")
    yield f"- {'A view' if mart.is_view else 'A table'} with one row for each {_codes(mart.grain)}"
    yield f"- Reads {_codes(mart.reads)}"
    yield from ("", "| column | type | meaning |", "| --- | --- | --- |", *map(_column, mart.columns))
    if mart.checks:
        yield from ("", "True of every row before it is published:", "", *(f"- `{check}`" for check in mart.checks))


def _column(column: MartColumn) -> str:
    type_ = column.mysql_type + (", may be null" if column.nullable else "")
    return f"| `{column.name}` | {type_} | {_cell(column.meaning)} |"


def commands_page() -> Iterator[str]:
    """Yield the lines of the page that describes every verb of the `storeline` command."""
    yield from ABOUT_COMMANDS.splitlines()
    for verb in VERBS:
        yield from _verb(verb)


def _verb(verb: ModuleType) -> Iterator[str]:
    about, _, example = (verb.__doc__ or "").strip().partition("\n\nExample: ")
    yield from ("", f"## {name_of(verb)}", "", about, "", "```bash", example, "```")
    parser = ArgumentParser(add_help=False)
    verb.add_arguments(parser)
    if parser._actions:
        yield from ("", "| argument | meaning |", "| --- | --- |")
    for action in parser._actions:
        value = "|".join(action.choices) if action.choices else action.metavar or action.dest.upper()
        named = " ".join([*action.option_strings[:1], *([] if action.nargs == 0 else [str(value)])])
        yield f"| `{_cell(named)}` | {(action.help or '') % vars(action)} |"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
