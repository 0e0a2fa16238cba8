"""Look the locked packages up in the database of known weaknesses; say so in one line where it is out of reach.

Usage: python .ci/audit.py
"""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements.txt"
COMMAND = ("-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--format", "json")


def main() -> None:
    """Print each weakness and exit with 1 when there is one."""
    done = subprocess.run((sys.executable, *COMMAND), capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except ValueError:
        found = []
    audited = [one for one in found if "vulns" in one]
    for one in audited:
        for weakness in one["vulns"]:
            print(f"audit: {one['name']} {one['version']}: {weakness['id']}, fixed in {weakness['fix_versions']}")
    if not audited:
        print("audit: the database of known weaknesses cannot be reached from here: nothing was looked up")
    if any(one["vulns"] for one in audited):
        sys.exit(1)


if __name__ == "__main__":
    main()
