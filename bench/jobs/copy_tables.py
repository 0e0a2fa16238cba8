"""The product's copy over other tables than those of `storeline/tables.py`, or without its comparison of contents.

Usage: spark-submit bench/jobs/copy_tables.py verified|unverified TABLE...

To copy other tables, a user edits `storeline/tables.py`; the comparison cannot be left out by a user at all. It is left
out here to measure what it costs.
"""

import sys
from typing import Any

from spark_jobs import replicate
from storeline.replica import finishing
from storeline.replica.contents import Contents
from storeline.replica.finishing import Checked
from storeline.tables import Table


def nothing_read(*_: Any) -> Checked:
    """Stand in for reading back what MySQL holds."""
    return Contents(), 0.0


def no_verification(*_: Any) -> None:
    """Stand in for the comparison."""


if __name__ == "__main__":
    vars(replicate).update(TABLES=tuple(map(Table, sys.argv[2:])))
    if sys.argv[1] == "unverified":
        vars(finishing).update(check=nothing_read, verify=no_verification)
    replicate.main()
