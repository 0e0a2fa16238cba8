"""Draw every panel of the boards from the same queries, so that a reader sees what Grafana shows.

Usage: python -m dashboards.draw [FOLDER]    (`make pictures`, with the stack running; default: docs/)
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import mysql.connector
import psycopg2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dashboards.ask import Answer, answers
from dashboards.boards import COLUMNS, Board
from dashboards.generate import BOARDS
from dashboards.panels import BYTES, DAYS, DOLLARS, NUMBER, SECONDS, SHARE, Panel, PanelColumn
from storeline.errors import StorelineError, one_line
from storeline.settings import ROOT, load

CELL_WIDTH, CELL_HEIGHT = 0.68, 0.38  # inches
TITLE_HEIGHT = 0.8
ROWS_OF_A_CELL, SIGNS_OF_A_CELL = 1.5, 4  # what fits into a table
TICKS = 5


def draw(board: Board, found: list[Answer], file: Path) -> None:
    """Draw a board: each panel in its place, with its answer."""
    height = max(y + panel.height for panel, _, _, y in board.placed())
    size = (COLUMNS * CELL_WIDTH, height * CELL_HEIGHT + TITLE_HEIGHT)
    figure = Figure(figsize=size, dpi=80)
    figure.suptitle(f"{board.title}: {board.about}", x=0.01, y=0.995, ha="left", fontsize=13)
    for (panel, _, x, y), answer in zip(board.placed(), found, strict=True):
        top = 1 - (TITLE_HEIGHT / 2 + y * CELL_HEIGHT) / size[1]
        low = top - panel.height * CELL_HEIGHT / size[1]
        inner = {"stat": (0.005, 0.1), "barchart": (0.085, 0.2)}.get(panel.kind, (0.055, 0.2))
        place = (
            x / COLUMNS + inner[0],
            low + inner[1] * (top - low),
            panel.width / COLUMNS - inner[0] - 0.015,
            (0.92 - inner[1]) * (top - low),
        )
        axes = figure.add_axes(place)
        axes.set_title(panel.title, loc="left", fontsize=10, fontweight="bold")
        DRAWN[panel.kind](axes, panel, answer[1])
    figure.savefig(file, metadata={"Software": None})


def shown(value: Any, column: PanelColumn) -> str:
    """Return a value as displayed."""
    if value is None:
        return "none"
    if column.type != NUMBER:
        return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
    amount = float(value)
    if column.unit == SHARE:
        return f"{amount:.1%}"
    if column.unit == BYTES:
        return f"{amount / 2**20:,.1f} MiB"
    digits = 0 if amount.is_integer() and column.unit not in (SECONDS, DAYS) else 2
    text = f"{amount:,.{digits}f}"
    return {DOLLARS: f"${text}", SECONDS: f"{text} s", DAYS: f"{text} days"}.get(column.unit, text)


def _stat(axes: Axes, panel: Panel, rows: list[tuple[Any, ...]]) -> None:
    axes.axis("off")
    value, column = rows[0][0] if rows else None, panel.columns[0]
    passed = [color for limit, color in column.limits if value is not None and value >= limit]
    color = {"yellow": "goldenrod", "red": "tab:red"}.get(passed[-1] if passed else "", "tab:green")
    axes.text(0.5, 0.4, shown(value, column), ha="center", va="center", fontsize=24, color=color)


def _series(axes: Axes, panel: Panel, rows: list[tuple[Any, ...]]) -> None:
    times, *values = zip(*rows, strict=True) if rows else ((),) * len(panel.columns)
    labels = [column.label for column in panel.columns[1:]]
    amounts = [[float("nan") if one is None else float(one) for one in column] for column in values]
    if panel.stacked:
        axes.stackplot(times, amounts, labels=labels, alpha=0.7)
    else:
        for label, amount in zip(labels, amounts, strict=True):
            axes.plot(times, amount, label=label, marker=".")
    _dress(axes, len(labels))
    axes.yaxis.set_major_formatter(lambda value, _: shown(value, panel.columns[1]))


def _bars(axes: Axes, panel: Panel, rows: list[tuple[Any, ...]]) -> None:
    names = [str(row[0]) for row in rows]
    columns = panel.columns[1:]
    thickness = 0.8 / len(columns)
    for number, column in enumerate(columns):
        places = [place + number * thickness for place in range(len(rows))]
        axes.barh(places, [float(row[number + 1] or 0) for row in rows], thickness, label=column.label)
    axes.set_yticks([place + 0.4 - thickness / 2 for place in range(len(rows))], names)
    axes.invert_yaxis()
    _dress(axes, len(columns))
    axes.xaxis.set_major_locator(MaxNLocator(TICKS))
    axes.xaxis.set_major_formatter(lambda value, _: shown(value, columns[0]))


def _dress(axes: Axes, series: int) -> None:
    axes.tick_params(labelsize=7)
    if series > 1:
        axes.legend(fontsize=7, loc="best")


def _table(axes: Axes, panel: Panel, rows: list[tuple[Any, ...]]) -> None:
    axes.axis("off")
    most, signs = int(panel.height * ROWS_OF_A_CELL), panel.width * SIGNS_OF_A_CELL
    text = [[shown(*pair)[:signs] for pair in zip(row, panel.columns, strict=True)] for row in rows[:most]]
    heads = [column.label for column in panel.columns]
    longest = [max(len(row[place]) for row in [heads, *text]) for place in range(len(heads))]
    table = axes.table(
        cellText=text or [["none"] + [""] * (len(heads) - 1)],
        colLabels=heads,
        colWidths=[length / sum(longest) for length in longest],
        cellLoc="left",
        loc="upper center",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7)


DRAWN: dict[str, Callable[[Axes, Panel, list[tuple[Any, ...]]], None]] = {
    "stat": _stat,
    "timeseries": _series,
    "barchart": _bars,
    "table": _table,
}


def main(arguments: list[str]) -> None:
    """Draw all boards. Exits with one line when a database does not answer."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs"
    try:
        settings = load()
        for name, board in BOARDS.items():
            file = folder / f"board-{name}.png"
            draw(board, answers(settings, board), file)
            print(f"pictures: wrote {file}")
    except StorelineError as error:
        sys.exit(f"pictures: {error}")
    except (psycopg2.Error, mysql.connector.Error) as error:
        sys.exit(f"pictures: {one_line(error)}; pictures need a running stack: `make demo`")


if __name__ == "__main__":
    main(sys.argv[1:])
