"""A board: its panels from left to right, its variables, and links to the other boards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.panels import Panel
from dashboards.sources import Source

COLUMNS = 24
TAG = "storeline"
# Of the JSON that Grafana 13 itself writes.
SCHEMA_VERSION = 42


@dataclass(frozen=True)
class Variable:
    """What a reader selects: `sql` lists the choices, of which the first is selected; with `many`, all are."""

    name: str
    label: str
    source: Source
    sql: str
    many: bool = False

    def json(self) -> dict[str, Any]:
        """Return the variable in Grafana's format; the choices are queried when the board is opened."""
        everything: dict[str, Any] = {"text": ["All"], "value": ["$__all"]}
        return {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": self.source.reference,
            "query": self.sql,
            "refresh": 1,
            "sort": 0,
            "regex": "",
            "options": [],
            "multi": self.many,
            "includeAll": self.many,
            "current": everything if self.many else {"text": "", "value": ""},
        }


@dataclass(frozen=True)
class Board:
    """A board; `since` starts its time range, in Grafana's syntax (`now-24h`; `/M`: from the first of that month)."""

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = ()
    since: str = "now-1y/M"
    refresh: str = ""

    def placed(self) -> Iterator[tuple[Panel, int, int, int]]:
        """Yield each panel with its number, column and row; a row is as high as its highest panel."""
        x = y = height = 0
        for number, panel in enumerate(self.panels, 1):
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            yield panel, number, x, y
            x, height = x + panel.width, max(height, panel.height)

    def json(self) -> dict[str, Any]:
        """Return the board in Grafana's format."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": [TAG],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "utc",
            "time": {"from": self.since, "to": "now"},
            "refresh": self.refresh,
            "links": [_others()],
            "templating": {"list": [variable.json() for variable in self.variables]},
            "annotations": {"list": []},
            "panels": [panel.json(*place) for panel, *place in self.placed()],
        }


def _others() -> dict[str, Any]:
    return {
        "type": "dashboards",
        "title": "Boards",
        "tags": [TAG],
        "icon": "dashboard",
        "tooltip": "",
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
    }
