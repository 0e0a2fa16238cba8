"""Ask a service over HTTP whether it is well: exit 0 when it answers and what is asked of its answer is there.

Usage: python healthy.py URL [path.in.the.json[=value]]
"""

import json
import sys
from urllib.request import urlopen


def is_well(url: str, wanted: str = "") -> bool:
    """Tell whether the service answers with what is wanted: a field that is not empty, or one that has a value."""
    # The address stands in the compose file.
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
