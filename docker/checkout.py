"""Whether containers can read the checkout's mounted code, and who can change it."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

CODE = ("dags", "storeline", "spark_jobs")
HEAL = f"chmod -R go+rX,o-w {' '.join(CODE)}"
USER, GROUP = 50000, 0  # of the containers that run it


def problems(root: Path, may_read: Callable[[Path], bool]) -> list[str]:
    """Return a line when only part of the code is readable: it might not match the rest."""
    unreadable = [path for path in _paths(root) if not may_read(path)]
    if not unreadable or _is_closed(root, may_read):
        return []
    return [f"{unreadable[0].relative_to(root)} cannot be read by the containers: {HEAL}"]


def notes(root: Path, may_read: Callable[[Path], bool]) -> list[str]:
    """Return a line for a note that blocks nothing."""
    if _is_closed(root, may_read):
        return [
            f"{', '.join(CODE)} cannot be read by the containers, which run the code in their image; "
            f"to use edits without a build: {HEAL}"
        ]
    writable = [path for path in _paths(root) if path.stat().st_mode & stat.S_IWOTH]
    return [f"any user can change {writable[0].relative_to(root)} and so what runs: {HEAL}"] if writable else []


def _is_closed(root: Path, may_read: Callable[[Path], bool]) -> bool:
    return not any(may_read(root / name) for name in CODE)


def _paths(root: Path) -> Iterator[Path]:
    for name in CODE:
        for folder, folders, files in os.walk(root / name):
            folders[:] = sorted(set(folders) - {"__pycache__"})
            yield Path(folder)
            yield from (Path(folder, file) for file in sorted(files))


def by_access(path: Path) -> bool:
    """Tell whether this process can read a file, or enter and list a folder."""
    return os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK)


def by_mode(path: Path) -> bool:
    """Tell from the mode whether the containers' user will be able to."""
    found = path.stat()
    shift = 6 if found.st_uid == USER else 3 if found.st_gid == GROUP else 0
    wanted = 0o5 if path.is_dir() else 0o4
    return (found.st_mode >> shift) & wanted == wanted
