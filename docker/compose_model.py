"""The compose file as compose itself reads it, with every secret replaced by a searchable marker."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from storeline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
Model = dict[str, Any]


def mark(name: str) -> str:
    """Return the marker of a secret in the model."""
    return f"<secret {name}>"


def secrets() -> list[str]:
    """Return the names of all secrets."""
    return [name for name, variable in Settings.variables().items() if variable.is_secret]


def read(root: Path = ROOT) -> Model:
    """Return the model of `docker compose config`, with all profiles. Raises RuntimeError with one line."""
    # Drop what this shell or .env.local sets: only the file itself is checked.
    kept = {name: value for name, value in os.environ.items() if name not in Settings.variables()}
    environment = kept | {name: mark(name) for name in secrets()} | {"COMPOSE_ENV_FILES": str(root / ".env")}
    compose = ("docker", "compose", "--file", str(root / "docker-compose.yml"), "--profile", "*")
    command = (*compose, "config", "--format", "json")
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode or "variable is not set" in done.stderr:
        raise RuntimeError((done.stderr.strip() or "docker compose config failed").splitlines()[-1])
    model: Model = json.loads(done.stdout)
    return model
