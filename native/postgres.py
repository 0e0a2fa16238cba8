"""PostgreSQL as a local process: its folder, its owner, its probe."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

from psycopg2 import sql

from native.places import POSTGRES, make_private
from native.process import Process, Service
from storeline.accounts import POSTGRES_OWNER
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings
from storeline.stores import postgres as store

CONFIGURATION = ROOT / "docker" / "postgres" / "postgresql.conf"
# Same collation on every machine.
INITDB = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256")


def as_ordinary_user() -> tuple[str, ...]:
    """Return a prefix for commands that refuse root: a user namespace in which root has another uid."""
    return ("unshare", "--user", "--map-user=1000", "--map-group=1000") if os.geteuid() == 0 else ()


def service(settings: Settings, home: Path) -> Service:
    """Declare PostgreSQL, with its data in the stack's home."""
    data = home / "postgres"
    options = {
        "config_file": CONFIGURATION,
        "port": settings.postgres_port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_slot_wal_keep_size": f"{settings.postgres_slot_keep_mib}MB",
    }
    server = (*as_ordinary_user(), str(POSTGRES / "bin" / "postgres"), "-D", str(data))
    command = (*server, *(word for name, value in options.items() for word in ("-c", f"{name}={value}")))
    return Service(
        "postgres",
        # Fast shutdown; the server ends its own children.
        (Process("postgres", command, data, {}, stop_signal="INT", signals_group=False, stop_seconds=60),),
        prepare=lambda: _prepare(settings, data, server),
        missing=lambda: _missing(settings),
    )


def _prepare(settings: Settings, data: Path, server: tuple[str, ...]) -> None:
    """Create the data folder, or set the owner's password to the configured one."""
    if data.exists():
        name = settings.user(POSTGRES_OWNER).replace('"', '""')
        password = settings.password(POSTGRES_OWNER).replace("'", "''")
        single = (*server[:-2], "--single", *server[-2:], "-j", "postgres")
        _run(single, f"alter role \"{name}\" password '{password}';\n\n")
        return
    draft = data.with_name("postgres.new")
    _run(("rm", "-rf", str(draft)), "")
    make_private(draft.parent)
    words = (
        f"--username={settings.user(POSTGRES_OWNER)}",
        "--pwfile=/dev/stdin",
        f"--pgdata={draft}",
        "--no-instructions",
    )
    _run(
        (*as_ordinary_user(), str(POSTGRES / "bin" / "initdb"), *INITDB, *words),
        f"{settings.password(POSTGRES_OWNER)}\n",
    )
    draft.rename(data)


def _run(command: tuple[str, ...], standard_input: str) -> None:
    done = subprocess.run(command, input=standard_input, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "ERROR" in line or "FATAL" in line or "error" in line]
    if done.returncode or lines:
        raise StorelineError(f"PostgreSQL: {lines[0] if lines else done.stderr.strip() or 'no reason given'}")


def _missing(settings: Settings) -> str | None:
    try:
        with closing(store.owner(settings, "postgres").connect()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("select 1 from pg_database where datname = %s", (settings.postgres_db,))
            if not cursor.fetchone():
                cursor.execute(sql.SQL("create database {}").format(sql.Identifier(settings.postgres_db)))
    except store.PostgresError as error:
        return str(error)
    return None
