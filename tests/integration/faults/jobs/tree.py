"""The code that the fault tests run: the repository's, with two marts."""

import shutil
from pathlib import Path

from native.stack import Stack
from storeline.settings import ROOT

# The ones that the readers look at: what happens to a build does not depend on their number.
MARTS = ("UserOrders", "ProductSales")


def tree(stack: Stack) -> Path:
    """Return its path."""
    return stack.home / "code"


def make_tree(stack: Stack) -> None:
    """Copy it once."""
    if tree(stack).exists():
        return
    for name in ("storeline", "spark_jobs"):
        shutil.copytree(ROOT / name, tree(stack) / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".env", tree(stack))
    for mart in (tree(stack) / "spark_jobs" / "marts").glob("*.sql"):
        if mart.stem not in MARTS:
            mart.unlink()
