"""Make the report from the running stack: `.native/report.html`.

Usage: python -m native.report    (`make report`)
"""

import sys

from native.places import DEMO, REPORT
from native.stack import Stack
from storeline.errors import StorelineError
from storeline.settings import load


def main() -> None:
    """Make it and print its path. Exits with one line on failure."""
    try:
        Stack(DEMO, load()).run("notebooks.report", str(REPORT))
    except StorelineError as error:
        sys.exit(str(error))
    print(REPORT)


if __name__ == "__main__":
    main()
