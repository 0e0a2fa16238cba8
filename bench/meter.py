"""The CPU time that a copy costs its tool and both servers together, and the memory of a task's Python worker."""

import contextlib
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil  # type: ignore[import-untyped]

from native.members import supervisor_process
from native.stack import Stack

EVERY_SECONDS = 0.25
WORKER = "pyspark.daemon"


class Meter:
    """Samples the processes of a stack and of this one's children while the block runs.

    A process that ends takes its figures along, so each is remembered as last seen: a process loses at most the time
    between two samples. `cpu_seconds` and `worker_mib` (the largest worker's PSS) are set when the block has ended.
    """

    def __init__(self, stack: Stack) -> None:
        self.roots = [psutil.Process(), supervisor_process(stack.home)]
        self.before: dict[psutil.Process, float] = {}
        self.last: dict[psutil.Process, float] = {}
        self.cpu_seconds = self.worker_mib = 0.0
        self.has_ended = threading.Event()
        self.thread = threading.Thread(target=self._keep_sampling, daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self.before = dict(self.last)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.has_ended.set()
        self.thread.join()
        self._sample()
        self.cpu_seconds = sum(seen - self.before.get(process, 0.0) for process, seen in self.last.items())

    def _keep_sampling(self) -> None:
        while not self.has_ended.wait(EVERY_SECONDS):
            self._sample()

    def _sample(self) -> None:
        for process in [child for root in self.roots if root for child in root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error, OSError):
                times = process.cpu_times()
                self.last[process] = times.user + times.system
                if WORKER in process.cmdline():
                    self.worker_mib = max(self.worker_mib, pss_mib(process.pid))


def pss_mib(pid: int) -> float:
    """Return a process's proportional share of memory."""
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0
