"""The Airflow task that started a run: what the run learns about it, and how it sees that the task is gone.

The task holds a lock on a file while its process lives, however that ends; the run checks whether the lock is free.
"""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TASK_VARIABLE = "STORELINE_TASK"
ALIVE_VARIABLE = "STORELINE_TASK_ALIVE"
ATTRIBUTE = "storeline_task"  # of the run's connection to MySQL
LOOK_SECONDS = 0.5


@contextmanager
def alive(task: str, folder: Path) -> Iterator[dict[str, str]]:
    """Hold the lock; yield the variables that tell a run which task it belongs to."""
    path = folder / "task"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield {TASK_VARIABLE: task, ALIVE_VARIABLE: str(path)}


def attributes() -> dict[str, str]:
    """Return the attributes of the connection that holds a run's lock, so that others can tell whose run it is."""
    task = os.environ.get(TASK_VARIABLE)
    return {ATTRIBUTE: task} if task else {}


def is_watched() -> bool:
    """Tell whether a task started this run, so that its end can be detected."""
    return ALIVE_VARIABLE in os.environ


def is_alive() -> bool:
    """Tell whether the task that started this run is alive; a run without a task continues."""
    path = os.environ.get(ALIVE_VARIABLE)
    if not path:
        return True
    try:
        with Path(path).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def end_with_task(name: str) -> None:
    """End this process within a second after its task is gone; its sessions end, and their locks with them."""

    def look() -> None:
        while is_alive():
            time.sleep(LOOK_SECONDS)
        print(f"{name}: Airflow has ended its task", file=sys.stderr, flush=True)
        os._exit(1)

    if is_watched():
        threading.Thread(target=look, daemon=True, name="watch over the task").start()
