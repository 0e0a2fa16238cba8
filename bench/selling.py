"""A process that sells (`bench/change_load.py`), beside the benchmark that measures."""

import subprocess
import sys
from pathlib import Path
from typing import Self

from bench.change_load import Sale, read
from bench.side import end
from native.stack import Stack
from storeline.settings import ROOT


class Selling:
    """The process, ended with the block; `count` 0 sells until then, `per_second` 0 as fast as possible."""

    def __init__(self, stack: Stack, count: int, per_second: float) -> None:
        self.file: Path = stack.home / "sales.txt"
        command = (sys.executable, "-m", "bench.change_load", str(count), str(per_second))
        with self.file.open("w") as output:
            self.process = subprocess.Popen(command, env=stack.environment(), cwd=ROOT, stdout=output)
        self.found: list[Sale] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        end(self.process)

    def sales(self) -> list[Sale]:
        """Return all sales once the process has ended, none before. Raises SystemExit when it failed."""
        if not self.found and self.process.poll() is not None:
            if self.process.returncode:
                raise SystemExit(f"bench.changes: change_load exited with {self.process.returncode}")
            self.found = read(self.file)
        return self.found

    def end(self) -> list[Sale]:
        """End the process; return all sales."""
        end(self.process)
        return self.sales()
