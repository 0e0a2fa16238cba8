"""Check this machine before anything is installed or started; print every problem, one line each.

Usage: python3 -m native.preflight [machine]    (`machine`: without the demo's ports)

Runs with any Python 3, because a wrong version is one of the problems that it finds.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIB = 2**30
MEMORY_GIB = 6
FREE_MEMORY_GIB = 3
# Packages, Python and MySQL take 2, a stack's data and logs the rest.
DISK_GIB = 5
PYTHONS = ((3, 11), (3, 12), (3, 13))


def main(arguments: list[str]) -> None:
    """Print every problem and exit with 1, or print nothing."""
    found = machine()
    if sys.version_info[:2] in PYTHONS:
        found += configuration(ports=arguments != ["machine"])
    if found:
        sys.exit("\n".join(f"preflight: {problem}" for problem in found))


def machine() -> list[str]:
    """Return what this machine lacks."""
    found = []
    if sys.platform != "linux" or platform.machine() != "x86_64" or not Path("/etc/debian_version").exists():
        found.append(
            f"this is {platform.system()} on {platform.machine()}: the native stack runs on Debian and Ubuntu, "
            "x86-64; use docker compose elsewhere"
        )
    version = ".".join(str(part) for part in sys.version_info[:2])
    if sys.version_info[:2] not in PYTHONS:
        found.append(f"python3 is {version}: Python 3.11, 3.12 or 3.13 is needed on PATH")
    elif find_spec("ensurepip") is None:
        found.append(f"Python's venv is missing: install python{version}-venv")
    if (java := java_version()) < 17:
        found.append(
            f"Java 17 or later is needed: {f'java is {java}' if java else 'no java is on PATH or in JAVA_HOME'}"
        )
    found += [f"{tool} is not on PATH: install {package}" for tool, package in TOOLS.items() if not shutil.which(tool)]
    if os.geteuid() == 0 and not can_leave_root():
        found.append("PostgreSQL refuses to run as root and user namespaces are off here: run as an ordinary user")
    memory = memory_gib()
    if memory["MemTotal"] < MEMORY_GIB:
        found.append(f"this machine has {memory['MemTotal']:.1f} GiB of memory: {MEMORY_GIB} are needed")
    return found


TOOLS = {"mvn": "maven", "git": "git", "tar": "tar", "unshare": "util-linux"}


def java_version() -> int:
    """Return the major version of the Java that Spark will use; 0 without Java."""
    home = os.environ.get("JAVA_HOME")
    try:
        command = (f"{home}/bin/java" if home else "java", "-version")
        said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match.group(1)) if match else 0


def can_leave_root() -> bool:
    """Tell whether root can create a user namespace to run PostgreSQL in."""
    try:
        command = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "true")
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def memory_gib() -> dict[str, float]:
    """Return the kernel's figures in GiB."""
    lines = re.findall(r"^(\w+): +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {name: int(amount) * 1024 / GIB for name, amount in lines}


def configuration(ports: bool) -> list[str]:
    """Return the settings that this machine cannot satisfy."""
    from native.mysql_packages import PACKAGES, find_server, mirror
    from native.places import DEMO, VENV, sockets
    from native.process import is_ours
    from storeline import ports as stack_ports
    from storeline.settings import load
    from storeline.variables import SettingsError

    try:
        settings = load()
    except SettingsError as error:
        return str(error).split("; ")
    found = []
    if is_ours(settings.mysql_host) and not (find_server() or list(PACKAGES.glob("*.deb")) or mirror()):
        found.append(
            "MySQL: no mysqld 8.4 or later is on PATH: install one (its packages can be downloaded only on Debian)"
        )
    free = shutil.disk_usage(ROOT).free / GIB
    if not VENV.exists() and free < DISK_GIB:
        found.append(f"{ROOT} has {free:.1f} GiB of free disk: {DISK_GIB} are needed")
    if not ports or answers(sockets(DEMO) / "supervisor.sock"):
        return found
    if (free := memory_gib()["MemAvailable"]) < FREE_MEMORY_GIB:
        found.append(f"only {free:.1f} GiB of memory is free: {FREE_MEMORY_GIB} are needed")
    if not is_ours(settings.bind_address):
        found.append(
            f"BIND_ADDRESS is {settings.bind_address}: the native stack serves only this machine; "
            "set it to 127.0.0.1 or use docker compose"
        )
    return found + stack_ports.problems(stack_ports.native(settings))


def answers(path: Path) -> bool:
    """Tell whether a Unix socket has a listener."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


if __name__ == "__main__":
    main(sys.argv[1:])
