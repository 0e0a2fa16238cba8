"""A rival's own environment under `.native/bench`, made from its lock file and never shared with the product."""

import hashlib
import sys
from pathlib import Path

from bench.stack import HOME
from native.install import run
from native.places import VENV

LOCKS = Path(__file__).parent


def folder_of(rival: str) -> Path:
    """Return the environment of `bench/rivals/<rival>.txt`, recreated when the lock file has changed.

    Raises StorelineError.
    """
    lock, folder = LOCKS / f"{rival}.txt", HOME / rival
    wanted, stamp = hashlib.sha256(lock.read_bytes()).hexdigest(), folder / "lock.sha256"
    if not stamp.exists() or stamp.read_text() != wanted:
        uv, python = str(VENV / "bin" / "uv"), str(folder / "bin" / "python")
        run(uv, "venv", "--clear", "--python", sys.executable, str(folder))
        run(uv, "pip", "sync", "--require-hashes", "--python", python, str(lock))
        stamp.write_text(wanted)
    return folder


def version_of(rival: str, package: str) -> str:
    """Return the version of a package that a rival's lock file pins."""
    pins = dict(
        line.split(" ")[0].split("==") for line in (LOCKS / f"{rival}.txt").read_text().splitlines() if "==" in line
    )
    return pins[package]
