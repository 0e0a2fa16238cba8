"""Which files of `dags/` declare DAGs: what the build and the health check ask Airflow about."""

import re
from pathlib import Path

DECLARATION = re.compile(r"\bDAG\(|^@dag\b", re.MULTILINE)


def declaring(folder: Path) -> list[Path]:
    """Return the files that declare a DAG and are not left out by `.airflowignore`."""
    ignore = folder / ".airflowignore"
    ignored = set(ignore.read_text().split()) if ignore.exists() else set()
    return [
        file
        for file in sorted(folder.glob("*.py"))
        if file.name not in ignored and DECLARATION.search(file.read_text(errors="replace"))
    ]
