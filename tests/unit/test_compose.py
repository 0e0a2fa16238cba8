"""The compose file and `.env` name the same variables, and what is stated in two places is the same in both."""

import re
from pathlib import Path

from native import postgres as native_postgres
from storeline.settings import ROOT, Settings, read_file

COMPOSE = (ROOT / "docker-compose.yml").read_text()
NATIVE = "".join(path.read_text() for path in sorted(Path(ROOT / "native").glob("*.py")))
USED = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)\}", COMPOSE))


def test_every_variable_of_the_compose_file_is_in_env() -> None:
    assert set(read_file(ROOT / ".env")) >= USED


def test_no_variable_has_a_default_outside_of_env() -> None:
    assert not re.findall(r"(?<!\$)\$\{[A-Z_]+[^}A-Z_]", COMPOSE)
    assert not re.findall(r"(?<!\$)\$[A-Za-z_]", COMPOSE)


def test_every_variable_of_env_is_used_by_a_container_or_natively() -> None:
    preflight, rest = re.split(r"STORELINE_CONFIGURATION: \|\n(?: {8}.*\n)+", COMPOSE)
    used = set(re.findall(r"\$\{([A-Z_]+)\}", preflight + rest))
    unused = set(read_file(ROOT / ".env")) - used
    # The last one leads to an engine that runs in the calling process, and is only for this machine.
    assert {name for name in unused if name.lower() not in NATIVE} <= {"MYSQL_ADMIN_USER", "CLICKHOUSE_FOLDER"}


def test_the_preflight_sees_every_variable() -> None:
    lines = re.search(r"STORELINE_CONFIGURATION: \|\n((?: {8}.*\n)+)", COMPOSE)
    assert lines
    assert [line.strip() for line in lines[1].splitlines()] == [f"{n}=${{{n}}}" for n in Settings.variables()]


def test_postgresql_is_initialised_as_it_is_natively() -> None:
    assert f"POSTGRES_INITDB_ARGS: {' '.join(native_postgres.INITDB)}\n" in COMPOSE
