"""A class archive that halves Java's start-up for a job; recorded once, from a run of a job."""

import hashlib
import subprocess
import tempfile
from pathlib import Path

from native import spark
from native.places import CLASSES, INSTALLED, JARS, LOCK
from native.process import base_environment
from storeline.settings import ROOT, load


def install_classes() -> str:
    """Archive the classes that one job loads; later jobs start in half the time.

    Optional: where Java cannot make one, everything works without.
    """
    java = subprocess.run(("java", "-version"), capture_output=True, text=True, check=False).stderr
    wanted = hashlib.sha256(f"{java}{LOCK.read_text()}{sorted(JARS.iterdir())}".encode()).hexdigest()
    stamp = CLASSES.with_suffix(".made-for")
    if not stamp.exists() or stamp.read_text() != wanted:
        CLASSES.parent.mkdir(exist_ok=True)
        CLASSES.unlink(missing_ok=True)
        draft = CLASSES.with_suffix(".new")
        with tempfile.TemporaryDirectory(dir=INSTALLED) as name:
            (Path(name) / "spark" / "events").mkdir(parents=True)
            options = {"SPARK_SUBMIT_OPTS": spark.class_options(f"-XX:ArchiveClassesAtExit='{draft}'")}
            environment = base_environment() | spark.environment(load(), Path(name)) | options
            command = [*spark.spark_submit("local-cluster[1,1,1024]"), str(ROOT / "native" / "warm_up.py")]
            done = subprocess.run(command, env=environment, cwd=name, capture_output=True, check=False)
        if draft.exists() and done.returncode == 0:
            draft.rename(CLASSES)
        stamp.write_text(wanted)
    return "archived" if CLASSES.exists() else "not archived"
