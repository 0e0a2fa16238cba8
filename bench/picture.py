"""Draw the rates of the copy and its rivals, from `bench/results/copy.json` into `docs/benchmark-copy.png`.

Usage: python -m bench.picture
"""

import json
from typing import Any

import matplotlib as mpl

from bench.report import RESULTS
from storeline.settings import ROOT

mpl.use("Agg")
from matplotlib import pyplot

PICTURE = ROOT / "docs" / "benchmark-copy.png"
OURS, THEIRS = "#1f77b4", "#9aa5b1"


def main() -> None:
    """Draw one bar for each contestant, with a line from the slowest run to the fastest."""
    content = json.loads((RESULTS / "copy.json").read_text())
    rates = reached(content["results"])
    names = sorted(rates, key=lambda name: rates[name]["median"])
    medians = [rates[name]["median"] for name in names]
    below = [rates[name]["median"] - rates[name]["minimum"] for name in names]
    above = [rates[name]["maximum"] - rates[name]["median"] for name in names]
    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    colours = [OURS if name.startswith("storeline") else THEIRS for name in names]
    axes.barh(names, medians, xerr=[below, above], color=colours, capsize=3)
    for place, median in enumerate(medians):
        axes.annotate(f" {median:,.0f}", (rates[names[place]]["maximum"], place), va="center")
    rows, runs = sum(content["configuration"]["rows"].values()), content["configuration"]["runs"]
    title = f"PostgreSQL to MySQL, {rows:,} rows: rows per second, median of {runs} runs, start-up left out"
    figure.suptitle(title, fontsize=11)
    axes.set_xlim(0, max(one["maximum"] for one in rates.values()) * 1.15)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)


def reached(results: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return median, minimum and maximum of each contestant's rows/s."""
    found: dict[str, dict[str, float]] = {}
    for one in results:
        if one["unit"] == "rows/s":
            found[one["rival"]] = one["runs"]["theirs"]
            found[f"storeline, {one['case'].partition(', ')[2]}"] = one["runs"]["ours"]
    return found


if __name__ == "__main__":
    main()
