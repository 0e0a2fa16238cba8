"""Start JupyterHub, with the image's notebooks in the user's folder; existing ones belong to the user and are kept.

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
# Sessions and cookie keys: gone with the container.
STATE = Path("/tmp/jupyterhub")  # nosec B108


def main() -> None:
    """Copy missing notebooks and become the hub. Exits with one line when the configuration is wrong."""
    try:
        # Report it in one line here; the hub would print a traceback.
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
