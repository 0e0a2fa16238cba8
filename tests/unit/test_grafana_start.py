"""How Grafana's container starts: passwords as files, whatever characters they contain, and a new administrator's."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from storeline.settings import ROOT

AWKWARD = r""""\d$e%f ${HOME}$__env{HOME} #g$$"""
PASSWORDS = ("POSTGRES_GRAFANA_PASSWORD", "MYSQL_GRAFANA_PASSWORD", "CLICKHOUSE_READER_PASSWORD")
GRAFANA = """#!/bin/sh
echo "$@" >>"$CALLS"
cat >>"$CALLS"
exit "${REFUSES:-0}"
"""


@dataclass
class Container:
    """The start script, with the container's folders inside a folder of the test."""

    folder: Path

    def start(self, **variables: str) -> "subprocess.CompletedProcess[str]":
        script = (ROOT / "docker" / "grafana" / "start.sh").read_text()
        for name in ("/run/storeline", "/var/lib/grafana", "/run.sh"):
            assert name in script
            script = script.replace(name, f"{self.folder}{name}")
        environment = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "HOME": "/root",
            "CALLS": str(self.folder / "calls"),
            "STORELINE_SERVICES": "postgres=postgres.source:5432 sales=/sales clickhouse=clickhouse.warehouse:8123",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": "15432",
            "CLICKHOUSE_HOST": "warehouse.example.com",
            "CLICKHOUSE_PORT": "18123",
            "GRAFANA_ADMIN_PASSWORD": AWKWARD,
            **dict.fromkeys(PASSWORDS, AWKWARD),
        }
        return subprocess.run(
            ("sh", "-c", script), env=environment | variables, capture_output=True, text=True, check=False
        )

    def calls(self) -> str:
        file = self.folder / "calls"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def container(tmp_path: Path) -> Container:
    for folder in ("run/storeline", "var/lib/grafana", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    for file, text in (("run.sh", "#!/bin/sh\nenv\n"), ("bin/grafana", GRAFANA)):
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o755)
    return Container(tmp_path)


def as_grafana_reads(text: str, environment: dict[str, str]) -> str:
    """Return a provisioning value: variables, then files, then variables in the files' content too."""
    text = re.sub(r"\$(?:|__env)\{([^}]+)\}", lambda match: environment.get(match[1], ""), text)
    text = re.sub(r"\$__file\{([^}]+)\}", lambda match: Path(match[1]).read_text().strip(), text)
    return re.sub(r"\$(?:\{(\w+)\}|(\w+|\$))", lambda match: environment.get(match[1] or match[2], ""), text)


def test_passwords_are_files_for_grafana_alone_and_what_it_reads_there_is_the_password(container: Container) -> None:
    done = container.start()
    assert (done.returncode, done.stderr) == (0, "")
    environment = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    for name in PASSWORDS:
        file = container.folder / "run/storeline" / name
        assert file.stat().st_mode & 0o777 == 0o600
        assert as_grafana_reads(f"$__file{{{file}}}", environment) == AWKWARD
    assert AWKWARD not in done.stdout


def test_the_administrators_password_is_a_file_whose_text_survives_one_expansion(container: Container) -> None:
    environment = dict(line.split("=", 1) for line in container.start().stdout.splitlines() if "=" in line)
    file = Path(environment["GF_SECURITY_ADMIN_PASSWORD__FILE"])
    expand = re.compile(r"\$(?:|__env)\{([^}]+)\}")
    assert expand.sub(lambda match: environment.get(match[1], ""), file.read_text().rstrip("\n")) == AWKWARD


def test_a_loopback_address_becomes_the_service_inside_and_another_host_stays(container: Container) -> None:
    said = container.start().stdout.splitlines()
    assert {"POSTGRES_HOST=postgres.source", "POSTGRES_PORT=5432"} <= set(said)
    assert {"CLICKHOUSE_HOST=warehouse.example.com", "CLICKHOUSE_PORT=18123"} <= set(said)


def test_what_encrypts_grafanas_own_database_is_random_and_stays(container: Container) -> None:
    container.start()
    key = container.folder / "var/lib/grafana/secret_key"
    first = key.read_text()
    container.start()
    assert len(first.strip()) == 32
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text() == first


def test_grafana_is_told_a_new_password_of_its_administrator_once_and_never_on_a_command_line(
    container: Container,
) -> None:
    container.start()
    (container.folder / "var/lib/grafana/grafana.db").touch()
    container.start()
    assert container.calls() == ""
    for _ in range(2):
        assert container.start(GRAFANA_ADMIN_PASSWORD="another one").returncode == 0
    command = "--homepath /usr/share/grafana admin reset-admin-password --password-from-stdin"
    assert container.calls().splitlines() == [f"cli {command}", "another one"]


def test_a_grafana_that_keeps_the_former_password_does_not_start(container: Container) -> None:
    container.start()
    (container.folder / "var/lib/grafana/grafana.db").touch()
    for _ in range(2):
        done = container.start(GRAFANA_ADMIN_PASSWORD="another one", REFUSES="1")
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "grafana: setting the administrator's password to GRAFANA_ADMIN_PASSWORD failed; it keeps the old one: "
            "restore that value, or delete the volume grafana"
        ]
        assert "GF_SECURITY" not in done.stdout
