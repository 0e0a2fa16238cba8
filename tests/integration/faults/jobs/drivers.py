"""The drivers of the fault tests, seen from outside: processes that can be killed, and the jobs given to them."""

import shlex
import subprocess
import sys
import threading
from contextlib import suppress

from native.spark import jars
from native.stack import Stack
from spark_jobs.build_marts import PLANNING
from storeline.settings import ROOT
from tests.integration.faults.jobs.time_outs import SPARK
from tests.integration.faults.jobs.tree import tree
from tests.integration.faults.jobs.warm_driver import DONE, FAILED, READY
from tests.integration.faults.suffering import end

SECONDS_TO_START, SECONDS_TO_END = 180, 300


class Run:
    """A job given to a driver."""

    def __init__(self, driver: "Driver", job: str) -> None:
        self.driver, self.job = driver, job
        self.said: str | None = None
        self.ended = threading.Event()

    def end(self, said: str) -> None:
        self.said = said
        self.ended.set()

    def is_over(self) -> bool:
        return self.ended.is_set()

    def has_succeeded(self, seconds: float = SECONDS_TO_END) -> bool:
        """Wait for the job's end; if the driver died, the job has failed."""
        assert self.ended.wait(seconds), f"{self.job} has not ended after {seconds} s: {self.driver.log()}"
        return self.said == DONE


class Driver:
    """A warm driver on the cluster, ready for a job once it is created."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.log_file = stack.home / f"{name}.log"
        options = SPARK | {
            PLANNING[0]: PLANNING[1],
            "spark.master": stack.settings.spark_master_url,
            "spark.ui.enabled": "false",
        }
        arguments = ["--jars", jars(), *(word for pair in options.items() for word in ("--conf", "=".join(pair)))]
        # The copied code comes first, as the working folder; the tests' own program comes from the repository. Java is
        # Python's child here, because spark-submit does not pass on standard input.
        environment = stack.environment() | {
            "PYTHONPATH": str(ROOT),
            "PYSPARK_SUBMIT_ARGS": shlex.join([*arguments, "pyspark-shell"]),
        }
        command = [sys.executable, "-m", "tests.integration.faults.jobs.warm_driver"]
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                command,
                cwd=tree(stack),
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.run: Run | None = None
        self.is_ready = threading.Event()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.log_file.open("a") as log:
                log.write(line)
            if line.startswith(READY):
                self.is_ready.set()
            elif line.startswith((DONE, FAILED)) and self.run:
                self.run.end(line.strip())
        if self.run and not self.run.is_over():
            self.run.end("the driver has ended")
        self.is_ready.set()

    def start(self, job: str, *pause: str) -> Run:
        """Give it a job, and return at once; `pause` is one of the job's functions and a file, as in `warm_driver`."""
        assert self.is_ready.wait(SECONDS_TO_START), self.log()
        assert self.is_alive(), self.log()
        assert self.run is None or self.run.is_over(), f"{self.run.job} is still running"
        self.run = run = Run(self, job)
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join([job, *pause]) + "\n")
        self.process.stdin.flush()
        return run

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def log(self) -> str:
        return self.log_file.read_text()[-3000:]

    def kill(self) -> None:
        end(self.process)
        self.listener.join()
        for stream in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]


class Drivers:
    """Two warm drivers: one suffers, one runs next to it or after it. A dead one is replaced."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.count = stack, 0
        self.all = [self._new() for _ in range(2)]

    def _new(self) -> Driver:
        self.count += 1
        return Driver(self.stack, f"driver{self.count}")

    def pair(self) -> tuple[Driver, Driver]:
        """Return both, alive."""
        for number, driver in enumerate(self.all):
            if not driver.is_alive():
                driver.kill()
                self.all[number] = self._new()
        first, second = self.all
        return first, second

    def run_to_its_end(self, job: str) -> None:
        """Run a job that must succeed."""
        driver = self.pair()[1]
        run = driver.start(job)
        assert run.has_succeeded(), f"{run.said}: {driver.log()}"

    def kill(self) -> None:
        for driver in self.all:
            driver.kill()
