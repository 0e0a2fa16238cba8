"""Shared by the benchmarks: runs in rotated order, a JSON file of results and a table in docs/benchmarks.md."""

import json
import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from storeline.settings import ROOT

RESULTS = ROOT / "bench" / "results"
DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Result:
    """What we and a rival reached in each run, in the same unit; without a rival, `theirs` is empty."""

    measure: str
    case: str
    rival: str
    unit: str
    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def ratio(self) -> float | None:
        """Return our median as a multiple of the rival's."""
        return median(self.ours) / median(self.theirs) if self.theirs else None

    def scaled(self, unit: str, ours: float, theirs: float) -> "Result":
        """Return the same runs in another unit, with a factor for each side."""
        return replace(self, unit=unit, ours=[r * ours for r in self.ours], theirs=[r * theirs for r in self.theirs])


def rotated(contestants: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Return what each contestant reached in each run; every run starts with a different one."""
    names = list(contestants)
    reached: dict[str, list[float]] = {name: [] for name in names}
    for run in range(runs):
        for name in names[run % len(names) :] + names[: run % len(names)]:
            reached[name].append(contestants[name]())
            print(f"run {run + 1} of {runs}: {name}: {reached[name][-1]:,.0f}", flush=True)
    return reached


def publish(
    name: str,
    packages: Sequence[str],
    versions: Mapping[str, str],
    configuration: Mapping[str, Any],
    results: list[Result],
    remark: str = "",
) -> None:
    """Write `bench/results/<name>.json` and the benchmark's table in docs/benchmarks.md, with a remark below it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    found = {"python": platform.python_version()} | {package: version(package) for package in packages} | dict(versions)
    content = {
        "versions": found,
        "machine": machine(),
        "configuration": dict(configuration),
        "results": [_as_json(result) for result in results],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    text = table(f"make bench-{name.partition('_')[0]}", results)
    replace_section(DOCUMENT, name, f"{text}\n\n{remark}" if remark else text)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "processor": models[0] if models else platform.machine(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
    }


def table(command: str, results: Sequence[Result]) -> str:
    """Return the results as a Markdown table, with the command that measured them."""
    lines = [
        f"`{command}`, median of {len(results[0].ours)} runs (minimum to maximum):",
        "",
        "| measure | case | unit | ours | rival | theirs | ratio |",
        "| --- | --- | --- | ---: | --- | ---: | ---: |",
    ]
    for r in results:
        rival = (f"`{r.rival}`", _spread(r.theirs), f"{r.ratio:,.1f}×") if r.ratio is not None else ("", "", "")
        cells = (r.measure, r.case, r.unit, _spread(r.ours), *rival)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def replace_section(document: Path, name: str, text: str) -> None:
    """Replace the text between the markers `<!-- name:begin -->` and `<!-- name:end -->`, adding them where missing."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before = document.read_text() if document.exists() else "# Benchmarks\n"
    if begin not in before:
        before += f"\n{begin}\n{end}\n"
    head, _, rest = before.partition(begin)
    _, _, tail = rest.partition(end)
    document.parent.mkdir(exist_ok=True)
    document.write_text(f"{head}{begin}\n{text}\n{end}{tail}")


def _as_json(result: Result) -> dict[str, Any]:
    runs = {
        who: {"median": median(reached), "minimum": min(reached), "maximum": max(reached), "all": list(reached)}
        for who, reached in (("ours", result.ours), ("theirs", result.theirs))
        if reached
    }
    return {
        "measure": result.measure,
        "case": result.case,
        "rival": result.rival or None,
        "ours": median(result.ours),
        "theirs": median(result.theirs) if result.theirs else None,
        "unit": result.unit,
        "ratio": None if result.ratio is None else round(result.ratio, 2),
        "runs": runs,
    }


def _spread(reached: Sequence[float]) -> str:
    digits = 0 if median(reached) >= 20 else 1
    return f"{median(reached):,.{digits}f} ({min(reached):,.{digits}f} to {max(reached):,.{digits}f})"
