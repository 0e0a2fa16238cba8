"""Write Grafana's files: a JSON file for each board, and the alert rules.

Usage: python -m dashboards.generate [--check]    (--check writes nothing; it names outdated files)
"""

import json
import sys
from pathlib import Path

import yaml

from dashboards import alerts, cockpit, sales, shop
from dashboards.boards import Board
from storeline.settings import ROOT

BOARDS: dict[str, Board] = {"sales": sales.BOARD, "shop": shop.BOARD, "cockpit": cockpit.BOARD}
RULES = Path("docker", "grafana", "provisioning", "alerting", "rules.yaml")
HEAD = "# Written by `make dashboards` from dashboards/alerts.py: change that, not this.\n"


class Lines(yaml.SafeDumper):
    """Writes multi-line texts as blocks, and repeated values in full instead of as aliases."""

    def ignore_aliases(self, data: object) -> bool:
        """Write every value in full."""
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Return a text's YAML style."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


Lines.add_representer(str, Lines.text)


def outdated(root: Path) -> dict[Path, str]:
    """Return each file under `root` that differs from the boards and rules, with its correct content."""
    wanted = {root / "dashboards" / f"{name}.json": board_file(board) for name, board in BOARDS.items()}
    wanted[root / RULES] = HEAD + yaml.dump(alerts.provisioned(), Dumper=Lines, sort_keys=False, width=120)
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def board_file(board: Board) -> str:
    """Return the content of a board's file."""
    return json.dumps(board.json(), indent=2) + "\n"


def main() -> None:
    """Write the outdated files, or with --check only name them. Exits with 1 if it names one."""
    stale = outdated(ROOT)
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(f"dashboards: {path.name} is out of date: run `make dashboards`" for path in stale) or None)
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"dashboards: wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
