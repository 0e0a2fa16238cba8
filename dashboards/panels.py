"""A panel: a query, the columns of its result, and how Grafana draws them."""

from dataclasses import dataclass
from typing import Any, Literal

from dashboards.sources import Source

TIME, TEXT, NUMBER = "time", "text", "number"
Kind = Literal["stat", "timeseries", "barchart", "table"]
# Grafana's names of units.
DOLLARS, SECONDS, DAYS, COUNT, SHARE, BYTES = "currencyUSD", "s", "d", "locale", "percentunit", "bytes"
GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True)
class PanelColumn:
    """A column of a result; `limits` colour a value from each number upwards; below the first it is green."""

    name: str
    type: str
    unit: str = ""
    limits: tuple[tuple[float, str], ...] = ()

    @property
    def label(self) -> str:
        """Return the displayed name."""
        return self.name.replace("_", " ").capitalize()


def time(name: str = "time") -> PanelColumn:
    """Declare a timestamp or a date."""
    return PanelColumn(name, TIME)


def text(name: str) -> PanelColumn:
    """Declare a text."""
    return PanelColumn(name, TEXT)


def number(name: str, unit: str = COUNT, *limits: tuple[float, str]) -> PanelColumn:
    """Declare a number, with Grafana's name of its unit."""
    return PanelColumn(name, NUMBER, unit, limits)


# What each kind of panel can draw: types of the first column and of the others.
DRAWN: dict[str, tuple[set[str], set[str]]] = {
    "stat": ({NUMBER}, set()),
    "timeseries": ({TIME}, {NUMBER}),
    "barchart": ({TEXT}, {NUMBER}),
    "table": ({TIME, TEXT, NUMBER}, {TIME, TEXT, NUMBER}),
}


@dataclass(frozen=True)
class Panel:
    """A panel of `width` by `height` cells, 24 to a row. Raises ValueError for what its kind cannot draw."""

    title: str
    about: str
    kind: Kind
    source: Source
    sql: str
    columns: tuple[PanelColumn, ...]
    width: int = 12
    height: int = 8
    stacked: bool = False
    link: str = ""

    def __post_init__(self) -> None:
        first, others = DRAWN[self.kind]
        types = [column.type for column in self.columns]
        if not types or types[0] not in first or not set(types[1:]) <= others:
            raise ValueError(f"{self.title}: a {self.kind} cannot draw {types}")
        if self.kind == "timeseries" and self.columns[0].name != "time":
            raise ValueError(f"{self.title}: Grafana needs a column named time")

    def json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Return the panel in Grafana's format, at a position of the board."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": self.source.reference,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "targets": [self.source.target(self.sql, is_series=self.kind == "timeseries")],
            "fieldConfig": {
                "defaults": self._defaults(),
                "overrides": [_override(one, self.kind) for one in self.columns],
            },
            "options": OPTIONS[self.kind] | ({"stacking": "normal"} if self._stacks_bars else {}),
        } | ({"links": [_link(self.link)]} if self.link else {})

    @property
    def _stacks_bars(self) -> bool:
        return self.stacked and self.kind == "barchart"

    def _defaults(self) -> dict[str, Any]:
        mode = "thresholds" if self.kind in ("stat", "table") else "palette-classic"
        stacking = {"stacking": {"mode": "normal"}} if self.stacked and self.kind == "timeseries" else {}
        return {
            "color": {"mode": mode},
            "noValue": "none",
            "thresholds": _thresholds(()),
            "custom": CUSTOM[self.kind] | stacking,
        }


def stat(title: str, about: str, source: Source, sql: str, column: PanelColumn) -> Panel:
    """Return a panel that shows one number; four fit in a row."""
    return Panel(title, about, "stat", source, sql, (column,), width=6, height=4)


def _thresholds(limits: tuple[tuple[float, str], ...]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": GREEN, "value": None}]
    return {"mode": "absolute", "steps": steps + [{"color": color, "value": value} for value, color in limits]}


def _override(column: PanelColumn, kind: Kind) -> dict[str, Any]:
    properties: list[dict[str, Any]] = [{"id": "displayName", "value": column.label}]
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.limits:
        properties.append({"id": "thresholds", "value": _thresholds(column.limits)})
        if kind == "table":
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def _link(url: str) -> dict[str, Any]:
    return {
        "type": "link",
        "title": "More of this",
        "url": url,
        "icon": "external link",
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
    }


LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
TOOLTIP = {"mode": "multi", "sort": "desc"}
OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    },
    "timeseries": {"legend": LEGEND, "tooltip": TOOLTIP},
    "barchart": {
        "barWidth": 0.8,
        "fullHighlight": False,
        "groupWidth": 0.8,
        "legend": LEGEND,
        "orientation": "horizontal",
        "showValue": "never",
        "stacking": "none",
        "tooltip": TOOLTIP,
        "xTickLabelMaxLength": 30,
        "xTickLabelRotation": 0,
    },
    "table": {"cellHeight": "sm", "frameIndex": 0, "showHeader": True},
}
CUSTOM: dict[str, dict[str, Any]] = {
    "stat": {},
    "timeseries": {
        "drawStyle": "line",
        "fillOpacity": 10,
        "lineInterpolation": "linear",
        "lineWidth": 2,
        "showPoints": "auto",
        "spanNulls": False,
    },
    "barchart": {"fillOpacity": 80, "lineWidth": 0},
    "table": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
}
