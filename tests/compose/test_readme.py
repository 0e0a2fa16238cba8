"""Every command of the README that asks the running containers works as it stands there."""

import re
import shlex

import pytest

from storeline.accounts import MYSQL_ANALYST
from storeline.settings import ROOT
from tests.compose.project import Project

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
ASKED = ("docker compose exec -e", "docker compose run --rm storeline")
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith(ASKED)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda line: line.removeprefix("docker compose ")[:60])
def test_a_command_of_the_readme_answers(project: Project, command: str) -> None:
    password = f"MYSQL_PWD={project.settings.password(MYSQL_ANALYST)}"
    words = [password if word == "MYSQL_PWD=analyst" else word for word in shlex.split(command)]
    # Without a terminal, as a script has it. The status may find that something needs attention, and says so with 1.
    said = project.run(*words[:3], "-T", *words[3:], check="status" not in words)
    assert said.strip()
    assert "Traceback" not in said
