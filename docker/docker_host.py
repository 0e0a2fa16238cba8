"""`make doctor`'s checks of Docker on this machine: the engine, compose, and free ports."""

import re
import subprocess

from storeline.ports import problems, published
from storeline.settings import Settings

ENGINE, COMPOSE = (20, 10), (2, 24)


def engine() -> list[str]:
    """Return what is missing or too old."""
    found = []
    for what, oldest, command in (
        ("the Docker engine", ENGINE, ("docker", "version", "--format", "{{.Server.Version}}")),
        ("docker compose", COMPOSE, ("docker", "compose", "version", "--short")),
    ):
        said = _ask(*command)
        version = re.match(r"v?(\d+)\.(\d+)", said)
        if not version:
            found.append(f"{what} does not answer: install and start it")
        elif (int(version[1]), int(version[2])) < oldest:
            found.append(f"{what} is {said}: {oldest[0]}.{oldest[1]} or later is needed")
    return found


def ports(settings: Settings) -> list[str]:
    """Return a line for each port that is taken or assigned twice."""
    return problems(published(settings), set(map(int, re.findall(r":(\d+)->", _ask(*OURS)))))


OURS = ("docker", "ps", "--filter", "label=com.docker.compose.project=storeline", "--format", "{{.Ports}}")


def _ask(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
