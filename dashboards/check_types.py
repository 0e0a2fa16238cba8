"""Check the boards against Grafana's own types, from npm's `@grafana/schema`, with the TypeScript compiler.

Usage: python -m dashboards.check_types    (part of `make check`; skipped with a message without Node and npm)
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from dashboards.generate import BOARDS, board_file
from storeline.settings import ROOT

DECLARED = ROOT / "dashboards" / "grafana_types"
INSTALLED = ROOT / ".native" / "grafana_types"
# Declares the type that the boards must match; each board becomes a file next to it.
TYPES = "board.ts"


class TypesError(Exception):
    """The types are not available; the message is one line."""


def install(npm: str, folder: Path = INSTALLED) -> None:
    """Install exactly the locked packages into a folder. Raises TypesError."""
    lock = (DECLARED / "package-lock.json").read_bytes()
    stamp, wanted = folder / "lock.sha256", hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(DECLARED / name, folder / name)
    command = (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr.strip() or "no reason given").splitlines()
        raise TypesError(f"npm could not install Grafana's types: {lines[0]}")
    stamp.write_text(wanted)


def problems(node: str, boards: dict[str, str], folder: Path = INSTALLED) -> list[str]:
    """Return a line for each place where a board (JSON by name) does not match Grafana's types."""
    for old in folder.glob("*.ts"):
        old.unlink()
    for name in (TYPES, "tsconfig.json"):
        shutil.copyfile(DECLARED / name, folder / name)
    for name, text in boards.items():
        head = f'import type {{ Board }} from "./{Path(TYPES).stem}";\n'
        (folder / f"{name}.board.ts").write_text(f"{head}export const board: Board = {text};\n")
    compiler = folder / "node_modules" / "typescript" / "bin" / "tsc"
    command = (node, str(compiler), "--project", str(folder), "--pretty", "false")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line and not line.startswith(" ")] or (
        [done.stderr.strip() or "the compiler gave no reason"] if done.returncode else []
    )


def main() -> None:
    """Check every board. Exits with a line for each problem."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        print("check_types: Node is not installed: the boards were not checked against Grafana's types")
        return
    try:
        install(npm)
    except TypesError as error:
        sys.exit(f"check_types: {error}")
    found = problems(node, {name: board_file(board) for name, board in BOARDS.items()})
    if found:
        sys.exit("\n".join(f"check_types: {line}" for line in found))
    print(f"check_types: {len(BOARDS)} boards match Grafana's types")


if __name__ == "__main__":
    main()
