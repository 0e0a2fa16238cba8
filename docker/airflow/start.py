"""Start an Airflow process, with addresses and logins derived from the container's configuration.

Usage: python start.py COMMAND...    (`airflow scheduler`, `python -m init_db.run`, …)
"""

import os
import sys

from storeline.airflow_environment import derived
from storeline.settings import ROOT, load
from storeline.variables import SettingsError

if __name__ == "__main__":
    try:
        # ROOT is the mounted checkout, or the image's own copy if that cannot be read.
        os.environ.update(derived(load()), AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"))
    except SettingsError as error:
        sys.exit(f"start: {error}")
    # The command comes from the compose file.
    os.execvp(sys.argv[1], sys.argv[1:])  # nosec B606
