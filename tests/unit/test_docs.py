"""The generated pages say what the marts say."""

from pathlib import Path

from docs.generate import outdated
from storeline.marts.contract import Mart, MartColumn, load
from storeline.settings import ROOT

MART = Mart(
    name="Totals",
    about="What each user bought.",
    grain=("user_id", "month"),
    reads=("orders",),
    columns=(
        MartColumn("user_id", "BIGINT", "the user", nullable=False),
        MartColumn("total", "DECIMAL(14,2)", "paid | pending", nullable=True),
    ),
    checks=("total >= 0",),
    query="select",
    is_view=False,
)


def write(root: Path) -> list[str]:
    (root / "docs").mkdir(exist_ok=True)
    stale = outdated(root, [MART])
    for path, text in stale.items():
        path.write_text(text)
    return [path.name for path in stale]


def test_the_docs_are_fresh():
    assert [path.name for path in outdated(ROOT, load())] == [], "run `make docs`"


def test_a_mart_is_described_with_its_columns_grain_reads_and_checks(tmp_path: Path):
    write(tmp_path)

    page = (tmp_path / "docs" / "marts.md").read_text()

    for line in (
        "| [`Totals`](#totals) | `user_id`, `month` | What each user bought. |",
        "- A table with one row for each `user_id`, `month`",
        "- Reads `orders`",
        "| `user_id` | BIGINT | the user |",
        "| `total` | DECIMAL(14,2), may be null | paid \\| pending |",
        "- `total >= 0`",
    ):
        assert line in page.splitlines()


def test_the_readme_is_changed_between_its_markers_alone(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text("# Ours\n<!-- marts:begin -->\nold\n<!-- marts:end -->\nthe end\n")

    write(tmp_path)

    before, *table, after, end = readme.read_text().splitlines()[1:]
    assert (before, after, end) == ("<!-- marts:begin -->", "<!-- marts:end -->", "the end")
    assert table[2:] == ["| [`Totals`](docs/marts.md#totals) | `user_id`, `month` | What each user bought. |"]


def test_no_readme_is_made_and_one_without_markers_is_left_alone(tmp_path: Path):
    assert write(tmp_path) == ["marts.md", "commands.md"]

    (tmp_path / "README.md").write_text("# Ours\n")

    assert write(tmp_path) == []
