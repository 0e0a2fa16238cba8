"""The event producers as local processes; they wait by themselves for what they need."""

from pathlib import Path

from native.places import VENV, make_private
from native.process import Process, Service, environment
from storeline.settings import Settings

NAMES = ("produce_orders", "produce_users")


def service(settings: Settings, home: Path) -> Service:
    """Declare both producers."""
    folder = home / "producers"
    processes = tuple(generator(name, settings, folder) for name in NAMES)
    return Service("producers", processes, prepare=lambda: _prepare(folder), missing=lambda: None)


def generator(name: str, settings: Settings, folder: Path) -> Process:
    """Return the process of a module of `generators/` that runs until it is stopped."""
    command = (str(VENV / "bin" / "python"), "-m", f"generators.{name}")
    return Process(name.replace("_", "-"), command, folder, environment(settings) | {"PYTHONUNBUFFERED": "1"})


def _prepare(folder: Path) -> None:
    make_private(folder)
