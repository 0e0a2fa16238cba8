"""The files of `dags/` that declare DAGs, for the build and the health check."""

import re
from pathlib import Path

DECLARATION = re.compile(r"\bDAG\(|^@dag\b", re.MULTILINE)


def declaring(folder: Path) -> list[Path]:
    """Return the files that declare a DAG and are not excluded by `.airflowignore`."""
    ignore = folder / ".airflowignore"
    ignored = set(ignore.read_text().split()) if ignore.exists() else set()
    return [
        file
        for file in sorted(folder.glob("*.py"))
        if file.name not in ignored and DECLARATION.search(file.read_text(errors="replace"))
    ]
