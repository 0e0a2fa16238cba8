"""The boards as code: generated files are fresh, names exist, and a panel can draw what its query returns."""

import copy
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import check_types
from dashboards.alerts import RULES, number_of
from dashboards.boards import TAG
from dashboards.draw import shown
from dashboards.generate import BOARDS, board_file, outdated
from dashboards.panels import BYTES, DOLLARS, SECONDS, SHARE, Panel, number, text, time
from dashboards.sources import CLICKHOUSE, MYSQL, POSTGRES, SOURCES, expanded
from storeline.settings import ROOT

PROVISIONING = ROOT / "docker" / "grafana" / "provisioning"
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 0, 0, 0, 250000, tzinfo=UTC)
NODE = shutil.which("node")


def provisioned(kind: str) -> dict[str, Any]:
    (file,) = (PROVISIONING / kind).glob("*.yaml")
    found: dict[str, Any] = yaml.safe_load(file.read_text())
    return found


def test_what_grafana_reads_is_fresh() -> None:
    assert [path.name for path in outdated(ROOT)] == [], "run `make dashboards`"


def test_a_changed_board_is_noticed_and_written(tmp_path: Path) -> None:
    stale = outdated(tmp_path)
    for path, content in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert {path.name for path in stale} == {"sales.json", "shop.json", "cockpit.json", "rules.yaml"}
    assert outdated(tmp_path) == {}
    (tmp_path / "dashboards" / "shop.json").write_text("{}")
    assert [path.name for path in outdated(tmp_path)] == ["shop.json"]


def test_the_data_sources_are_those_that_grafana_is_given() -> None:
    given = {(one["uid"], one["type"]) for one in provisioned("datasources")["datasources"]}
    assert given == {(source.uid, source.type) for source in SOURCES}


def test_every_password_comes_from_a_file() -> None:
    for one in provisioned("datasources")["datasources"]:
        assert re.fullmatch(r"\$__file\{/run/storeline/\w+_PASSWORD\}", one["secureJsonData"]["password"])


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_link_leads_to_a_board_of_ours(board: Any) -> None:
    uids = {one.uid for one in BOARDS.values()}
    made = board.json()
    assert len(uids) == len(BOARDS)
    assert [tag for link in made["links"] for tag in link["tags"]] == [TAG] == made["tags"]
    for panel in board.panels:
        assert not panel.link or panel.link.removeprefix("/d/") in uids, panel.title


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_variable_that_a_panel_names_is_the_boards_and_none_is_idle(board: Any) -> None:
    named = {name for panel in board.panels for name in re.findall(r"\$\{(\w+)", panel.sql)}
    assert named == {variable.name for variable in board.variables}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_have_places_of_their_own_and_names_of_their_own(board: Any) -> None:
    taken = [
        (column, row)
        for panel, _, x, y in board.placed()
        for column in range(x, x + panel.width)
        for row in range(y, y + panel.height)
    ]
    assert len(taken) == len(set(taken))
    assert max(column for column, _ in taken) < 24
    assert len({panel.title for panel in board.panels}) == len(board.panels)


def test_every_alert_says_what_to_do_and_shows_a_panel() -> None:
    assert len({rule.uid for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert number_of(rule.board, rule.panel)
        assert rule.source in SOURCES
        # In its provisioning, Grafana replaces what begins with a dollar sign.
        assert "$" not in json.dumps(rule.json())
    with pytest.raises(LookupError, match="Cockpit has no panel Moon"):
        number_of(BOARDS["cockpit"], "Moon")


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("stat", (text("name"),)),
        ("timeseries", (number("one"), number("two"))),
        ("barchart", (text("name"), text("other"))),
        ("table", ()),
    ],
)
def test_a_panel_that_cannot_draw_its_answer_is_refused(kind: Any, columns: Any) -> None:
    with pytest.raises(ValueError, match=f"Odd: a {kind} cannot draw"):
        Panel("Odd", "", kind, MYSQL, "select 1", columns)


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (POSTGRES, "a BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-02T00:00:00.250000Z' and b in ('it''s','x')"),
        (MYSQL, "a BETWEEN FROM_UNIXTIME(1767225600) AND FROM_UNIXTIME(1767312000) and b in ('it''s','x')"),
    ],
)
def test_a_question_is_expanded_as_grafana_does(source: Any, sent: str) -> None:
    asked = "$__timeFilter(a) and b in (${b:sqlstring})"
    assert expanded(source, asked, {"b": ["it's", "x"]}, BEGIN, END) == sent


def test_nothing_picked_is_an_empty_text() -> None:
    assert expanded(CLICKHOUSE, "${b:sqlstring}", {"b": []}, BEGIN, END) == "''"


@pytest.mark.parametrize("asked", ["$__interval", "${b}", "${b:csv}", "$b"])
def test_what_grafana_would_replace_otherwise_is_refused(asked: str) -> None:
    with pytest.raises(ValueError, match="replace something unknown"):
        expanded(MYSQL, asked, {"b": ["x"]}, BEGIN, END)


@pytest.mark.parametrize(
    ("value", "column", "seen"),
    [
        (Decimal("1234.5"), number("one", DOLLARS), "$1,234.50"),
        (3, number("one"), "3"),
        (0.125, number("one", SHARE), "12.5%"),
        (3 * 2**20, number("one", BYTES), "3.0 MiB"),
        (2.0, number("one", SECONDS), "2.00 s"),
        (None, number("one"), "none"),
        (BEGIN, time("one"), "2026-01-01 00:00"),
        ("007", text("one"), "007"),
    ],
)
def test_a_picture_shows_a_value_with_its_unit(value: Any, column: Any, seen: str) -> None:
    assert shown(value, column) == seen


BROKEN: list[tuple[Callable[[Any], object], str]] = [
    (lambda board: board["panels"][0].update(type="tables"), '"tables"'),
    (lambda board: board["panels"][0].update(nosuch=1), '"nosuch"'),
    (lambda board: board["panels"][2]["options"].update(graphMode="hills"), '"hills"'),
    (lambda board: board["panels"][2]["options"].pop("graphMode"), "graphMode"),
    (lambda board: board["panels"][0]["fieldConfig"]["defaults"]["custom"].update(align="up"), '"up"'),
    (lambda board: board.update(schemaVersion="42"), "'string' is not assignable to type 'number'"),
]


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_a_board_that_grafanas_types_do_not_know_is_refused(tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert NODE
    assert npm
    check_types.install(npm)
    (tmp_path / "node_modules").symlink_to(check_types.INSTALLED / "node_modules")
    boards = {"whole": board_file(BOARDS["cockpit"])}
    for place, (change, _) in enumerate(BROKEN):
        broken = copy.deepcopy(BOARDS["cockpit"].json())
        change(broken)
        boards[f"broken{place}"] = json.dumps(broken)
    found = check_types.problems(NODE, boards, tmp_path)
    lines = {line.partition(".board.ts")[0]: line for line in found}
    assert set(lines) == {f"broken{place}" for place in range(len(BROKEN))}
    for place, (_, said) in enumerate(BROKEN):
        assert said in lines[f"broken{place}"]
