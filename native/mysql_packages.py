"""Find a MySQL server on this machine, or unpack Debian's packages into a private folder."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from native.places import CACHE, MYSQL
from storeline.errors import StorelineError

OLDEST = (8, 4)
PACKAGES = CACHE / "mysql"
LOADER = "/lib64/ld-linux-x86-64.so.2"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# An apt configuration separate from the machine's own, so it needs no root and changes nothing.
APT = """Dir::Etc::sourcelist "{0}/sources.list"; Dir::Etc::sourceparts "-";
Dir::State "{0}"; Dir::State::lists "{0}/lists"; Dir::State::status "{0}/status";
Dir::Cache "{0}/cache"; Dir::Cache::archives "{0}/archives"; Dir::Log "{0}";
APT::Install-Recommends "false"; APT::Sandbox::User ""; Debug::NoLocking "true";
"""


@dataclass(frozen=True)
class Server:
    """How to run a MySQL server: the start of its command, and the options for its location."""

    command: tuple[str, ...]
    options: dict[str, str]


def find_server() -> Server | None:
    """Return the machine's own MySQL if it is new enough, otherwise the unpacked one, otherwise None."""
    installed = shutil.which("mysqld", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if installed and (version_of((installed,)) or (0,)) >= OLDEST:
        # Started through the loader, because AppArmor restricts a program of this path to the system's own data folder.
        return Server((LOADER, installed) if is_binary(Path(installed)) else (installed,), {})
    library = MYSQL / "usr/lib/x86_64-linux-gnu"
    server = Server(
        (str(library / "ld-linux-x86-64.so.2"), "--library-path", str(library), str(MYSQL / "usr/sbin/mysqld")),
        {
            "basedir": str(MYSQL / "usr"),
            "lc_messages_dir": str(MYSQL / "usr/share/mysql"),
            "character_sets_dir": str(MYSQL / "usr/share/mysql/charsets"),
            "plugin_dir": str(MYSQL / "usr/lib/mysql/plugin"),
        },
    )
    return server if MYSQL.exists() else None


def is_binary(file: Path) -> bool:
    """Tell whether a program is a binary for the loader, not a script."""
    with file.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def version_of(command: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return the version of a MySQL server; None for another product."""
    try:
        said = subprocess.run((*command, "--version"), capture_output=True, text=True, check=False).stdout
    except OSError:
        return None
    match = re.search(r"Ver (\d+)\.(\d+)\.(\d+)", said)
    return tuple(int(part) for part in match.groups()) if match and "MariaDB" not in said else None


def mirror() -> str | None:
    """Return the Debian mirror that this machine's apt is configured for; None on other systems."""
    if not Path("/etc/debian_version").exists() or not shutil.which("apt-get"):
        return None
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    if release.get("ID") != "debian":
        return None
    question = ("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    said = subprocess.run(question, capture_output=True, text=True, check=False).stdout
    targets = [line.split() for line in said.splitlines() if len(line.split()) == 3]
    suites = {release.get("VERSION_CODENAME"), "sid", "unstable", "testing", "stable"}
    return next((uri for uri, suite, component in targets if suite in suites and component == "main"), None)


def install() -> str:
    """Make sure that there is a server, from the cache if possible. Raises StorelineError."""
    if find_server() is None:
        if not list(PACKAGES.glob("mysql-server-core_*.deb")):
            _download()
        _unpack()
    server = find_server()
    version = version_of(server.command) if server else None
    if not version or version < OLDEST:
        raise StorelineError("MySQL: the packages have no server 8.4 or later that runs here")
    return ".".join(str(part) for part in version)


def _download() -> None:
    """Download the server and its dependencies from Debian's unstable suite, checked by apt's signatures."""
    address = mirror()
    if address is None:
        raise StorelineError(
            "MySQL: no mysqld 8.4 or later is on PATH, and its packages can be downloaded only on Debian"
        )
    PACKAGES.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PACKAGES.parent) as name:
        folder = Path(name)
        for part in ("lists/partial", "archives/partial", "cache"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
        (folder / "sources.list").write_text(f"deb {signed}{address} sid main\n")
        (folder / "apt.conf").write_text(APT.format(folder))
        for words in (("update",), ("install", "-y", "--download-only", "mysql-server-core")):
            done = subprocess.run(
                ("apt-get", "-qq", *words),
                env=os.environ | {"APT_CONFIG": str(folder / "apt.conf")},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                reason = (done.stderr.strip() or "no reason given").splitlines()[0]
                raise StorelineError(f"MySQL: apt-get {words[0]} failed: {reason}")
        shutil.rmtree(folder / "archives/partial")
        shutil.rmtree(PACKAGES, ignore_errors=True)
        (folder / "archives").rename(PACKAGES)


def _unpack() -> None:
    draft = MYSQL.with_name("mysql.new")
    shutil.rmtree(draft, ignore_errors=True)
    for package in sorted(PACKAGES.glob("*.deb")):
        # Only the scripts around the server need Perl.
        if not package.name.startswith(("perl", "libperl")):
            subprocess.run(("dpkg-deb", "-x", str(package), str(draft)), check=True)
    draft.rename(MYSQL)
