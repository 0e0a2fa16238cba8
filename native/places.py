"""Paths: what is installed once, and what belongs to one stack."""

import hashlib
import os
import tempfile
from pathlib import Path

from storeline.settings import ROOT

LOCK = ROOT / "requirements.txt"
INSTALLED = ROOT / ".native"
CACHE = INSTALLED / "cache"
VENV = INSTALLED / "venv"
POSTGRES = INSTALLED / "postgres"
MYSQL = INSTALLED / "mysql"
JARS = INSTALLED / "jars"
KAFKA = INSTALLED / "kafka"
KAFKA_DECLARED = ROOT / "native" / "kafka_jars"
CONNECT = INSTALLED / "connect"
CONNECT_DECLARED = ROOT / "docker" / "connect_jars"
CLASSES = INSTALLED / "classes" / "spark.jsa"
DEMO = INSTALLED / "demo"
REPORT = INSTALLED / "report.html"

# The kernel allows 107 bytes for a socket's path; supervisord appends its process id while creating one.
LONGEST_SOCKET = 90


def sockets(home: Path) -> Path:
    """Return the folder for a stack's sockets: its home, or a short path when the home's is too long."""
    if len(str(home / "supervisor.sock")) <= LONGEST_SOCKET:
        return home
    return Path(tempfile.gettempdir()) / f"storeline-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def make_private(folder: Path) -> Path:
    """Make a folder that only this user can enter. Raises PermissionError when it belongs to another user."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user")
    return folder


def write_private(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file that only this user can read; readers see the old text or the new one, never a mix."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as stream:
        stream.write(text)
    draft.replace(file)
