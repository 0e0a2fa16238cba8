"""The cost of a test run: it ends with its ten slowest tests and files, and its time against its target's budget.

A slow test states why, with `@pytest.mark.slow(reason="…")`; without a reason the run fails. The limit applies to a
machine that runs one test at a time: with several processes, each has only its share of the machine, so the limit is
multiplied by their number.
"""

import time
from collections import defaultdict
from dataclasses import dataclass

import pytest

SECONDS = 20
FAULT_SECONDS = 60
LISTED = 10


@dataclass(frozen=True)
class Call:
    """One test's call, without its fixtures' time: those serve other tests too."""

    test: str
    seconds: float
    limit: int
    reason: str | None

    @property
    def lacks_reason(self) -> bool:
        return self.seconds > self.limit and not self.reason


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget-minutes", type=float, help="maximum minutes of this run")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that receives all reports
        config.pluginmanager.register(Costs(config), "costs")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Attach a test's limit and reason to its report, which has no markers."""
    limit = FAULT_SECONDS if item.get_closest_marker("faults") else SECONDS
    item.user_properties.append(("limit", limit))
    if slow := item.get_closest_marker("slow"):
        reason = slow.kwargs.get("reason")
        if not (isinstance(reason, str) and reason.strip()):
            pytest.fail('the marker `slow` needs a reason: @pytest.mark.slow(reason="…")', pytrace=False)
        item.user_properties.append(("slow", reason))


class Costs:
    """Collects how long each test took, and judges it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.began, self.calls = config, time.monotonic(), list[Call]()
        # Seconds by file, with those of fixtures: a fixture that several files share counts for the first one.
        self.files = defaultdict[str, float](float)
        self.processes = max(1, len(config.getoption("tx", None) or ()))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.files[report.nodeid.partition("::")[0]] += report.duration
        if report.when == "call":
            said = dict(report.user_properties)
            limit = said["limit"] * self.processes
            self.calls.append(Call(report.nodeid, report.duration, limit, said.get("slow")))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and any(call.lacks_reason for call in self.calls):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.calls:
            return
        write, slowest = terminalreporter.write_line, sorted(self.calls, key=lambda call: -call.seconds)
        terminalreporter.section("what it took")
        for call in slowest[:LISTED]:
            write(f"{call.seconds:7.1f} s  {call.test}{f'  (slow: {call.reason})' if call.reason else ''}")
        write("and by file, with its fixtures:")
        for file, seconds in sorted(self.files.items(), key=lambda one: -one[1])[:LISTED]:
            write(f"{seconds:7.1f} s  {file}")
        minutes, budget = (time.monotonic() - self.began) / 60, self.config.getoption("budget_minutes")
        if budget is None:
            write(f"{minutes:7.1f} min in all")
        else:
            verdict = "within" if minutes <= budget else "OVER"
            write(f"{minutes:7.1f} min in all, {verdict} the budget of {budget:g} min")
        for call in slowest:
            if call.lacks_reason:
                write(
                    f"FAILED {call.test}: its call took {call.seconds:.1f} s, more than {call.limit} s: make it "
                    'faster, or give the reason in @pytest.mark.slow(reason="…"); on a busy machine, run it again',
                    red=True,
                )
