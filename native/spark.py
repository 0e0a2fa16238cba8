"""Spark as local processes: a standalone master, one worker with the slots of all, the history server."""

import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from native.places import CLASSES, JARS, VENV, make_private
from native.process import Process, Service, is_ours
from native.web import WebError, request_json
from storeline.settings import ROOT, Settings

CONFIGURATION = ROOT / "docker" / "spark"
MEBIBYTES = {"m": 1, "g": 1024}
# The daemons hardly work, so one collector and one compiler are enough. A port that is taken must stop them: Spark
# would move to the next port, where nothing looks for them.
DAEMON_OPTIONS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dspark.port.maxRetries=0"
# The master's state survives it; otherwise its death would stall applications and workers forever. A new master waits
# this many seconds for those that are gone.
RECOVERY = "-Dspark.deploy.recoveryMode=FILESYSTEM -Dspark.deploy.recoveryTimeout=20"

# Spark's own variables, for stacks created in code that pass extra options to master and worker.
OWN_OPTIONS = ("SPARK_MASTER_OPTS", "SPARK_WORKER_OPTS")


def spark_submit(master: str, *options: str) -> list[str]:
    """Return the command of spark-submit; the application and its arguments follow."""
    return [str(VENV / "bin" / "spark-submit"), "--master", master, *options]


def jars() -> str:
    """Return the jobs' jars as spark-submit takes them, for a master without the stack's class path."""
    return ",".join(str(jar) for jar in sorted(JARS.glob("*.jar")))


def spark_home() -> Path:
    """Return the folder of the pyspark package, which contains a complete Spark."""
    return next((VENV / "lib").glob("python3.*/site-packages/pyspark"))


def class_options(archive: str) -> str:
    """Return Java's options for a class path that works with a class archive.

    Java refuses an archive when the class path has a folder with files. Spark adds its configuration folder, so this
    sets the class path without it and names the one file that is needed from there.
    """
    path = f"{spark_home() / 'jars'}/*:{JARS}/*"
    return f"-cp '{path}' {archive} -Dlog4j2.configurationFile='{CONFIGURATION / 'log4j2.properties'}'"


def archived_classes() -> str:
    """Return the options that make Java use the archive from `native.install`; none if there is none."""
    found = f"-XX:SharedArchiveFile='{CLASSES}' -Xshare:auto -Xlog:disable -Xlog:all=error"
    return class_options(found) if CLASSES.exists() else ""


def environment(settings: Settings, home: Path) -> dict[str, str]:
    """Return the environment of drivers, executors and daemons; a job also needs the configuration."""
    driver = archived_classes()
    if driver and is_ours(urlsplit(settings.spark_master_url).hostname):
        driver += f' "-Dspark.executor.defaultJavaOptions={driver}"'
    return {
        "SPARK_SUBMIT_OPTS": driver,
        "SPARK_HOME": str(spark_home()),
        "SPARK_CONF_DIR": str(CONFIGURATION),
        "SPARK_DIST_CLASSPATH": str(JARS / "*"),
        "SPARK_LOCAL_DIRS": str(home / "spark" / "local"),
        "SPARK_EVENTS_DIR": str(home / "spark" / "events"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_PUBLIC_DNS": "127.0.0.1",
        "PYSPARK_PYTHON": str(VENV / "bin" / "python"),
        "_SPARK_AUTH_SECRET": str(settings.spark_auth_secret),
    }


def total_memory(settings: Settings) -> str:
    """Return the memory of all workers together, which the single native worker gets."""
    amount, unit = re.fullmatch(r"(\d+)([mg])", settings.spark_worker_memory).groups()  # type: ignore[union-attr]
    return f"{int(amount) * MEBIBYTES[unit] * settings.spark_workers}m"


def service(settings: Settings, home: Path) -> Service:
    """Declare the cluster and the history server."""
    folder, url = home / "spark", urlsplit(settings.spark_master_url)
    master_port = url.port or 7077
    options = f"{DAEMON_OPTIONS} {archived_classes()}"
    seen = environment(settings, home) | {"SPARK_DAEMON_MEMORY": "512m"}
    seen |= {name: settings.values[name] for name in OWN_OPTIONS if name in settings.values}

    def daemon(name: str, class_name: str, *arguments: str, more: str = "", port: int | None = None) -> Process:
        command = (str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{class_name}", *arguments)
        variables = seen | {"SPARK_DAEMON_JAVA_OPTS": f"{options} {more}"}
        return Process(name, command, folder, variables, waits_for_port=port)

    def prepare() -> None:
        # No process of the cluster is running, so the last master's state is stale.
        shutil.rmtree(folder / "master", ignore_errors=True)
        for name in ("work", "local", "events", "master"):
            make_private(folder / name)

    bind = ("--host", "127.0.0.1")
    master = ("--port", str(master_port), "--webui-port", str(settings.spark_master_ui_port))
    slots = ("--cores", str(settings.spark_workers * settings.spark_worker_cores), "--memory", total_memory(settings))
    worker = ("--work-dir", str(folder / "work"), "--webui-port", str(settings.spark_worker_ui_port))
    recovery = f"{RECOVERY} -Dspark.deploy.recoveryDirectory='{folder / 'master'}'"
    return Service(
        "spark",
        (
            daemon("spark-master", "master.Master", *bind, *master, more=recovery),
            # A worker that finds no master retries after 5 to 15 s.
            daemon(
                "spark-worker",
                "worker.Worker",
                *(*bind, *slots, *worker, settings.spark_master_url),
                port=master_port,
            ),
            daemon(
                "spark-history",
                "history.HistoryServer",
                more=f"-Dspark.history.ui.port={settings.spark_history_port}",
            ),
        ),
        prepare=prepare,
        missing=lambda: _missing(settings),
    )


def _missing(settings: Settings) -> str | None:
    """Name a UI that does not answer, or report that the worker has not registered."""
    try:
        cluster = request_json(settings.spark_master_ui_port, "/json/")
        request_json(settings.spark_history_port, "/api/v1/applications?limit=1")
    except WebError as error:
        return f"Spark: {error}"
    return None if cluster["aliveworkers"] else "Spark: the worker has not registered yet"
