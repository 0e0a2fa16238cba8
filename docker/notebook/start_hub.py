"""Become JupyterHub, with the notebooks of the image in the user's folder; one that is there already is the user's own.

Usage: python start_hub.py
"""

import os
import shutil
import sys
from pathlib import Path

from storeline.settings import load
from storeline.variables import SettingsError

CONFIGURATION = Path(__file__).with_name("jupyterhub_config.py")
NOTEBOOKS = Path("/opt/storeline/notebooks")
# Who is logged in, and the keys of their cookies: gone with the container.
STATE = Path("/tmp/jupyterhub")  # nosec B108


def main() -> None:
    """Copy what is missing and become the hub. Exits with one line when the configuration is wrong."""
    try:
        # Said here in one line; the hub would say it in a traceback.
        settings = load()
        _ = settings.notebook_password, settings.notebook_user, settings.notebook_idle_seconds
    except SettingsError as error:
        sys.exit(f"start: {error}")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        if not (own := Path.home() / notebook.name).exists():
            shutil.copyfile(notebook, own)
    STATE.mkdir(mode=0o700, exist_ok=True)
    os.chdir(STATE)
    os.execvp("jupyterhub", ("jupyterhub", "--config", str(CONFIGURATION)))  # nosec B606, B607


if __name__ == "__main__":
    main()
