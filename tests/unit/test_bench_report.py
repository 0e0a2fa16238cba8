"""Benchmarks write the same JSON and the same kind of table, and change nothing else in the document."""

import json
from pathlib import Path

import pytest

from bench import report
from bench.report import Result, publish, replace_section, rotated

RESULT = Result("P11", "users, as text", "faker-rows", "rows/s", [1000.0, 3000.0, 2000.0], [10.0, 20.0, 30.0])


def test_every_run_begins_with_another_contestant() -> None:
    turns: list[str] = []

    def run(name: str) -> float:
        turns.append(name)
        return float(len(turns))

    reached = rotated({"ours": lambda: run("ours"), "theirs": lambda: run("theirs")}, 3)

    assert turns == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert reached == {"ours": [1, 4, 5], "theirs": [2, 3, 6]}


def test_results_are_medians_with_minimum_and_maximum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "benchmarks.md")
    publish("generate", ("numpy",), {"postgresql": "18.6"}, {"rows": 5}, [RESULT])
    content = json.loads((tmp_path / "results" / "generate.json").read_text())

    assert set(content) == {"versions", "machine", "configuration", "results"}
    assert set(content["versions"]) == {"python", "numpy", "postgresql"}
    assert content["results"] == [
        {
            "measure": "P11",
            "case": "users, as text",
            "rival": "faker-rows",
            "ours": 2000.0,
            "theirs": 20.0,
            "unit": "rows/s",
            "ratio": 100.0,
            "runs": {
                "ours": {"median": 2000.0, "minimum": 1000.0, "maximum": 3000.0, "all": [1000.0, 3000.0, 2000.0]},
                "theirs": {"median": 20.0, "minimum": 10.0, "maximum": 30.0, "all": [10.0, 20.0, 30.0]},
            },
        }
    ]
    assert "| rows/s | 2,000 (1,000 to 3,000) | `faker-rows` |" in (tmp_path / "benchmarks.md").read_text()


def test_a_table_replaces_only_its_own_section(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("# B\n\n<!-- copy:begin -->\nkept\n<!-- copy:end -->\n\nProse.\n")
    replace_section(document, "generate", "first")
    replace_section(document, "generate", "second")

    assert document.read_text() == (
        "# B\n\n<!-- copy:begin -->\nkept\n<!-- copy:end -->\n\nProse.\n"
        "\n<!-- generate:begin -->\nsecond\n<!-- generate:end -->\n"
    )
