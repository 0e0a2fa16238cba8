"""Check a service over HTTP: exit 0 when it answers and the answer contains what is expected.

Usage: python healthy.py URL [path.in.the.json[=value]]
"""

import json
import sys
from urllib.request import urlopen


def is_well(url: str, wanted: str = "") -> bool:
    """Tell whether the service answers as expected: with a field that is not empty, or one with a given value."""
    # The address comes from the compose file.
    with urlopen(url, timeout=20) as answer:  # nosec B310
        body = answer.read()
    if not wanted:
        return True
    path, _, value = wanted.partition("=")
    found = json.loads(body)
    for step in path.split("."):
        found = found[step]
    return str(found) == value if value else bool(found)


if __name__ == "__main__":
    try:
        sys.exit(not is_well(*sys.argv[1:]))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
