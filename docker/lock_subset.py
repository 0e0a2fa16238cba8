"""Print the lock's entries of the packages that are named, hashes included: what an image installs and no more.

Usage: python lock_subset.py LOCK PACKAGE...
"""

import re
import sys
from pathlib import Path


def subset(lock: str, names: list[str]) -> str:
    """Return the entries as the lock has them. Raises KeyError with the names that it lacks."""
    entries: dict[str, str] = {}
    for entry in re.findall(r"^[A-Za-z0-9].*\n(?:[ \t]+.*\n?)*", lock, re.MULTILINE):
        name = re.split(r"[=\[ ]", entry, maxsplit=1)[0]
        entries[name] = entries.get(name, "") + entry
    if missing := sorted(set(names) - set(entries)):
        raise KeyError(", ".join(missing))
    return "".join(entries[name] for name in names)


if __name__ == "__main__":
    try:
        sys.stdout.write(subset(Path(sys.argv[1]).read_text(), sys.argv[2:]))
    except KeyError as error:
        sys.exit(f"lock_subset: {sys.argv[1]} has no {error.args[0]}")
