"""Check that the dag-processor works and every DAG of `dags/` is listed; `docker compose up --wait` waits for it.

Usage: python dags_listed.py    (the dag-processor's health check: exit 0, or one line per missing file)
"""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from dag_files import declaring

from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings, load
from storeline.stores import postgres

SINCE = """
select max(start_date) from job
where job_type = 'DagProcessorJob' and state = 'running' and latest_heartbeat > now() - interval '30 seconds'
"""
BROKEN = "select filename, stacktrace from import_error order by filename"
# DAGs parsed by an earlier process may be from other code.
LISTED = "select distinct relative_fileloc from dag where not is_stale and last_parsed_time >= %s"
# stderr of the container's first process, which goes to the container's log.
LOG = Path("/proc/1/fd/2")


def missing(folder: Path, since: datetime | None, broken: dict[str, str], listed: set[str]) -> list[str]:
    """Return a line for each file whose DAGs are not listed."""
    if since is None:
        return ["the dag-processor is not running yet"]
    lines = [f"{folder.name}/{file}: {trace.strip().splitlines()[-1]}" for file, trace in broken.items()]
    waiting = (file.name for file in declaring(folder) if file.name not in listed | broken.keys())
    return lines + [f"{folder.name}/{name}: none of its DAGs is listed yet" for name in waiting]


def unlisted(settings: Settings) -> list[str]:
    """Return what is missing according to Airflow's database. Raises PostgresError."""
    with closing(postgres.airflow(settings).connect()) as connection, connection.cursor() as cursor:

        def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
            cursor.execute(query, values)
            return cursor.fetchall()

        since = rows(SINCE)[0][0]
        listed = {name for (name,) in rows(LISTED, since)} if since else set()
        return missing(ROOT / "dags", since, dict(rows(BROKEN)), listed)


if __name__ == "__main__":
    try:
        said = [f"dags_listed: {line}" for line in unlisted(load())]
    except StorelineError as error:
        said = [f"dags_listed: {error}"]
    if said:
        # `docker compose logs` shows this, but not the health check's own output.
        with LOG.open("a") as log:
            log.writelines(f"{line}\n" for line in said)
        sys.exit("\n".join(said))
