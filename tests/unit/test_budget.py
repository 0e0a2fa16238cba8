"""A test run ends with its cost, and fails if a slow test gives no reason."""

import re

import pytest

from storeline.settings import ROOT

SLEEPS = "def test_sleeps():\n    time.sleep(0.3)\n"
# The same rule with a lower limit, so that no test has to sleep long.
LIMITS = {"SECONDS": 0.1, "FAULT_SECONDS": 0.5}
CONFTEST = "".join(f"import tests.budget\ntests.budget.{name} = {seconds}\n" for name, seconds in LIMITS.items())


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs one sleeping test with this mark; it returns the exit code and the last lines."""
    for name, seconds in LIMITS.items():
        monkeypatch.setattr(f"tests.budget.{name}", seconds)

    def run(mark: str, *options: str) -> tuple[int, str]:
        pytester.makepyfile(f"import time\nimport pytest\n\n{mark}{SLEEPS}")
        done = pytester.runpytest_inprocess("-p", "tests.budget", *options)
        return done.ret, "\n".join(done.outlines).partition("what it took")[2]

    return run


def test_a_slow_test_without_a_reason_fails_the_run_and_is_named(run):
    code, said = run("")
    assert code == pytest.ExitCode.TESTS_FAILED
    took = re.search(r"test_sleeps: its call took ([0-9.]+) s, more than 0\.1 s", said)
    assert took is not None
    assert 0.3 <= float(took[1]) < 10


def test_the_files_that_took_longest_are_named_with_their_fixtures(run, pytester):
    pytester.makeconftest("import pytest, time\n\n@pytest.fixture(autouse=True)\ndef waits():\n    time.sleep(0.4)\n")
    _, said = run('@pytest.mark.slow(reason="it waits")\n')
    (line,) = [line for line in said.partition("and by file, with its fixtures:")[2].splitlines() if ".py" in line]
    assert float(line.split()[0]) >= 0.7


@pytest.mark.slow(reason="it starts a pytest that starts another")
def test_so_it_is_when_several_processes_run_the_tests(run, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # a separate process, with its own limits
    pytester.makeconftest(CONFTEST)
    code, said = run("", "-n", "1")
    assert code == pytest.ExitCode.TESTS_FAILED
    took = re.search(r"test_sleeps: its call took ([0-9.]+) s, more than 0\.1 s", said)
    assert took is not None
    assert 0.3 <= float(took[1]) < 10


@pytest.mark.parametrize("mark", ['@pytest.mark.slow(reason="it waits")\n', "@pytest.mark.faults\n"])
def test_with_its_reason_or_as_a_fault_it_may_take_longer(run, mark):
    code, said = run(mark)
    assert code == pytest.ExitCode.OK, said
    assert "test_sleeps" in said
    assert "its call took" not in said


@pytest.mark.parametrize("mark", ["@pytest.mark.slow\n", '@pytest.mark.slow(reason=" ")\n'])
def test_the_marker_needs_its_reason(run, mark):
    assert run(mark)[0] == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(("minutes", "verdict"), [("5", "within"), ("0.0001", "OVER")])
def test_the_time_stands_against_the_budget(run, minutes, verdict):
    _, said = run("@pytest.mark.faults\n", "--budget-minutes", minutes)
    assert f"min in all, {verdict} the budget of {minutes} min" in said


@pytest.mark.slow(reason="it starts a pytest that starts two others")
def test_a_test_that_shares_the_machine_may_take_as_many_times_as_long(run, pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST.replace("SECONDS = 0.1", "SECONDS = 0.29"))
    monkeypatch.setattr("tests.budget.SECONDS", 0.29)
    assert run("", "-n", "1")[0] == pytest.ExitCode.TESTS_FAILED
    assert run("", "-n", "2")[0] == pytest.ExitCode.OK
