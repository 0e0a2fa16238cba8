"""MySQL as a local process: its folder, its admin account, its probe."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from native.mysql_packages import Server, find_server
from native.places import make_private, sockets, write_private
from native.process import Process, Service
from storeline.accounts import MYSQL_ADMIN
from storeline.errors import StorelineError
from storeline.settings import ROOT, Settings
from storeline.stores import mysql as store

OPTIONS = ROOT / "docker" / "mysql" / "storeline.cnf"


def service(settings: Settings, home: Path) -> Service:
    """Declare MySQL, with its data in the stack's home."""
    server, folder = find_server(), home / "mysql"
    if server is None:
        raise StorelineError("MySQL is not installed: run `make install`")
    command = (*server.command, f"--defaults-file={folder / 'my.cnf'}")
    return Service(
        "mysql",
        (Process("mysql", (*command, f"--init-file={folder / 'admin.sql'}"), folder, {}, "TERM", False, 120),),
        prepare=lambda: _prepare(settings, home, server, command),
        missing=lambda: _missing(settings),
    )


def _prepare(settings: Settings, home: Path, server: Server, command: tuple[str, ...]) -> None:
    """Create the data folder once; at each start, write the options and set the admin account."""
    folder = make_private(home / "mysql")
    make_private(folder / "tmp")
    data, draft = folder / "data", folder / "data.new"
    options = server.options | {
        "datadir": str(data),
        "tmpdir": str(folder / "tmp"),
        "port": str(settings.mysql_port),
        "bind_address": "127.0.0.1",
        "socket": str(make_private(sockets(home)) / "mysqld.sock"),
        "pid_file": str(folder / "mysqld.pid"),
    }
    if os.geteuid() == 0:
        options["user"] = "root"
    lines = [f"!include {OPTIONS}", "[mysqld]", *(f"{name} = {value}" for name, value in options.items())]
    write_private(folder / "my.cnf", "\n".join(lines) + "\n")
    write_private(folder / "admin.sql", admin_account(settings))
    if data.exists():
        return
    shutil.rmtree(draft, ignore_errors=True)
    initialise = (*command, "--initialize-insecure", f"--datadir={draft}")
    done = subprocess.run(initialise, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "[ERROR]" in line]
        raise StorelineError(f"MySQL: {errors[0] if errors else done.stderr.strip() or 'no reason given'}")
    draft.rename(data)


def admin_account(settings: Settings) -> str:
    """Return the statements, one per line, that set the admin's password to the configured one."""
    password = store.literal(str(settings.password(MYSQL_ADMIN)))
    account = f"{store.literal(settings.user(MYSQL_ADMIN))}@'127.0.0.1'"
    return "\n".join(
        [
            f"create user if not exists {account};",
            f"alter user {account} identified by {password};",
            f"grant all on *.* to {account} with grant option;",
            f"alter user 'root'@'localhost' identified by {password};",
            "",
        ]
    )


def _missing(settings: Settings) -> str | None:
    try:
        with closing(store.admin(settings).connect()):
            return None
    except store.MysqlError as error:
        return str(error)
