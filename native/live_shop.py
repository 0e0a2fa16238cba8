"""The living shop as a local process; it waits by itself for PostgreSQL and for rows to work with."""

from pathlib import Path

from native.places import make_private
from native.process import Service
from native.producers import generator
from storeline.settings import Settings


def service(settings: Settings, home: Path) -> Service:
    """Declare the living shop."""
    folder = home / "live-shop"
    processes = (generator("live_shop", settings, folder),)
    return Service("live-shop", processes, prepare=lambda: _prepare(folder), missing=lambda: None)


def _prepare(folder: Path) -> None:
    make_private(folder)
