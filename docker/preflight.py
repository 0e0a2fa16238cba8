"""Check machine and configuration before anything starts; print every problem, one line each.

Usage: python docker/preflight.py container    (the compose service: the configuration as compose sees it)
              python docker/preflight.py host         (`make doctor`: also the ports, the engine and its compose)

`docker/default-secrets.sha256` has the default passwords only as sums: no image contains a secret.
"""

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

sys.path.insert(1, str(Path(__file__).resolve().parent))

from checkout import by_access, by_mode, notes, problems  # noqa: E402

from storeline.accounts import MYSQL_ADMIN, POSTGRES_OWNER  # noqa: E402
from storeline.env_file import ASSIGNMENT  # noqa: E402
from storeline.loopback import LOOPBACK  # noqa: E402
from storeline.settings import Settings, load  # noqa: E402
from storeline.variables import SettingsError  # noqa: E402

GIB = 2**30
MEMORY_GIB = 6
DISK_GIB = 6
PYTHON = (3, 12)
DAY_SECONDS = 86400


def machine(total: float, free_disk: float, now: float) -> list[str]:
    """Return what this machine lacks: memory and disk in GiB, and a clock not behind the code's own files."""
    found = []
    if total < MEMORY_GIB:
        found.append(f"{total:.1f} GiB of memory: {MEMORY_GIB} are needed (Docker Desktop: Settings, Resources)")
    if free_disk < DISK_GIB:
        found.append(f"{free_disk:.1f} GiB of disk are free for containers: {DISK_GIB} are needed")
    written = Path(__file__).stat().st_mtime
    if now < written - DAY_SECONDS:
        found.append(f"the clock says {time.strftime('%Y-%m-%d', time.gmtime(now))}, before this file was written")
    return found


def processor(settings: Settings, cpuinfo: str) -> list[str]:
    """Return a line if ClickHouse's image cannot run here: on x86-64 it is built for AVX2."""
    flags = re.search(r"^flags\s*:(.*)$", cpuinfo, re.MULTILINE)
    if settings.clickhouse_host not in LOOPBACK or not flags or "avx2" in flags[1].split():
        return []
    return ["this processor lacks AVX2, which ClickHouse's image needs: set CLICKHOUSE_HOST to one of your own"]


def memory_gib(meminfo: str) -> float:
    """Return the machine's memory from the kernel's figures."""
    match = re.search(r"^MemTotal: +(\d+) kB", meminfo, re.MULTILINE)
    return int(match.group(1)) * 1024 / GIB if match else 0.0


def defaults() -> dict[str, str]:
    """Return the checksum of each secret's default."""
    lines = (ROOT / "docker" / "default-secrets.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def left_at_default(values: Mapping[str, str]) -> list[str]:
    """Return the secrets still at their publicly known defaults."""
    return [name for name, digest in defaults().items() if _digest(values.get(name, "")) == digest]


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def configuration(values: Mapping[str, str], local: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the configuration; `local` is the content of `.env.local`, even if it was not read."""
    settings = Settings(values)
    if found := settings.problems():
        return found
    known = left_at_default(values)
    if unread := [name for name in known if name in local and local[name] != values[name]]:
        found.append(
            f"{unread[0]} of .env.local was not read: export COMPOSE_ENV_FILES=.env,.env.local, or start with `make up`"
        )
    for name in ("BIND_ADDRESS", "BIND_ADDRESS_WITHOUT_LOGIN"):
        if known and not ip_address(values[name]).is_loopback:
            found.append(
                f"{name} is {values[name]} while secrets have their defaults ({', '.join(known)}): "
                "run `make secrets` or set them in .env.local"
            )
    if settings.mysql_host in LOOPBACK and settings.user(MYSQL_ADMIN) != "root":
        found.append("MYSQL_ADMIN_USER: the administrator of the containers' MySQL is root")
    if not settings.notebook_password.isascii():
        found.append("NOTEBOOK_PASSWORD holds other letters than ASCII's, which JupyterHub's login does not take")
    found += first_start(settings)
    cpuinfo = Path("/proc/cpuinfo")
    found += processor(settings, cpuinfo.read_text() if cpuinfo.exists() else "")
    needed = int(1.5 * mebibytes(settings.spark_worker_memory)) + 512
    if mebibytes(settings.spark_worker_memory_limit) < needed:
        found.append(
            f"SPARK_WORKER_MEMORY_LIMIT is {settings.spark_worker_memory_limit}: executors with "
            f"{settings.spark_worker_memory} together, their Python and the worker need {needed}m"
        )
    return found


# How the official images' entry points handle a password at the first start. MySQL's pastes it into a statement and an
# option file; a start that fails halfway leaves a server that only `down -v` repairs. PostgreSQL's passes it in a
# file, so it may contain any ASCII character.
MYSQL_CANNOT_TAKE = "'\"\\"


def first_start(settings: Settings) -> list[str]:
    """Return the passwords that would break the first start of the containers' own databases."""
    found = []
    own = {
        "POSTGRES_PASSWORD": (settings.postgres_host, settings.password(POSTGRES_OWNER), ""),
        "MYSQL_ADMIN_PASSWORD": (settings.mysql_host, settings.password(MYSQL_ADMIN), MYSQL_CANNOT_TAKE),
    }
    for name, (host, password, refused) in own.items():
        if host in LOOPBACK and (set(password) & set(refused) or not password.isascii()):
            signs = " ".join(("non-ASCII characters", *refused))
            found.append(f"{name} has a character that the server's first start cannot handle: leave out {signs}")
    return found


def mebibytes(amount: str) -> int:
    """Return an amount of memory such as 2g."""
    return int(amount[:-1]) * (1024 if amount.endswith("g") else 1)


def versions() -> list[str]:
    """Return a line if the image's Python is not the one that the jobs were locked for."""
    if sys.version_info[:2] == PYTHON:
        return []
    return [f"Python is {sys.version.split()[0]} in this image: drivers and executors share {PYTHON[0]}.{PYTHON[1]}"]


def container() -> list[str]:
    """Return every problem visible from inside a container."""
    lines = (line.strip() for line in os.environ["STORELINE_CONFIGURATION"].splitlines() if line.strip())
    values = {match[1]: match[2] for line in lines if (match := ASSIGNMENT.fullmatch(line))}
    return _machine() + versions() + configuration(values, os.environ) + _code(ROOT / "checkout", by_access)


def host() -> list[str]:
    """Return every problem visible from the machine itself."""
    from docker_host import engine, ports

    try:
        settings = load()
    except SettingsError as error:
        return _machine() + str(error).split("; ")
    return _machine() + configuration(settings.values, {}) + (engine() or ports(settings)) + _code(ROOT, by_mode)


def _code(root: Path, may_read: Callable[[Path], bool]) -> list[str]:
    for note in notes(root, may_read):
        print(f"preflight: note: {note}")
    return problems(root, may_read)


def _machine() -> list[str]:
    meminfo = Path("/proc/meminfo")
    total = memory_gib(meminfo.read_text()) if meminfo.exists() else float("inf")
    return machine(total, shutil.disk_usage("/").free / GIB, time.time())


if __name__ == "__main__":
    found = {"container": container, "host": host}[sys.argv[1] if len(sys.argv) > 1 else "host"]()
    if found:
        sys.exit("\n".join(f"preflight: {problem}" for problem in found))
    print("preflight: this machine and the configuration are ready")
