"""Make the report from the running stack: `.native/report.html`.

Usage: python -m native.report    (`make report`)
"""

import sys

from native.places import DEMO, REPORT
from native.process import StackError
from native.stack import Stack
from storeline.settings import load
from storeline.variables import SettingsError


def main() -> None:
    """Make it and print where it is. Exits with one line when it cannot be made."""
    try:
        Stack(DEMO, load()).run("notebooks.report", str(REPORT))
    except (StackError, SettingsError) as error:
        sys.exit(str(error))
    print(REPORT)


if __name__ == "__main__":
    main()
