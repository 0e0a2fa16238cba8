"""The rival `sling`: one replication of full refreshes, run by the program from its package."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.outcome import Outcome
from bench.rivals.environment import folder_of
from bench.rivals.urls import source_url, target_url
from storeline.settings import Settings
from storeline.tables import SOURCE_SCHEMA


def program() -> str:
    """Return the path of sling's program."""
    return str(next((folder_of("sling") / "lib").glob("python*/site-packages/sling_linux_amd64/bin/sling-linux-amd64")))


def copy(settings: Settings, database: str, runs: Sequence[Sequence[str]]) -> Outcome:
    """Copy the tables of each run into an existing database; the seconds include the program's start."""
    seconds = 0.0
    failed: dict[str, str] = {}
    for tables in runs:
        began = time.monotonic()
        done = replicate(settings, database, tables)
        seconds += time.monotonic() - began
        if done.returncode:
            failed |= dict.fromkeys(tables, reason(done.stdout + done.stderr))
    return Outcome(seconds, failed)


def replicate(settings: Settings, database: str, tables: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run the program once."""
    with tempfile.TemporaryDirectory() as home:
        replication = {
            "source": "SHOP",
            "target": "REPLICA",
            "defaults": {"mode": "full-refresh", "object": f"{database}.{{stream_table}}"},
            "streams": {f"{SOURCE_SCHEMA}.{table}": None for table in tables},
        }
        plan = Path(home) / "replication.json"
        plan.write_text(json.dumps(replication))
        environment = os.environ | {
            "SHOP": source_url(settings, "postgres") + "?sslmode=disable",
            "REPLICA": target_url(settings, "mysql", database),
            "SLING_HOME_DIR": home,
            "SLING_DISABLE_TELEMETRY": "true",
        }
        command = (program(), "run", "-r", str(plan))
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def reason(output: str) -> str:
    """Return the line of sling's output that says what went wrong."""
    plain = re.sub(r"\x1b\[\d*m", "", output)
    lines = [line.strip() for line in plain.splitlines() if line.strip()] or ["no reason given"]
    return next((line for line in lines if "rror" in line), lines[-1])
