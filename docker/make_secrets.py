"""Write random values for all secrets into `.env.local`, which git ignores and which overrides `.env`.

Usage: python docker/make_secrets.py    (`make secrets`, best before the first start)

The containers' databases keep their administrators' passwords of the first start. If they already exist, they must be
running and get the new passwords; everything else uses its new secret from the next start.
"""

import base64
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from storeline.settings import Settings  # noqa: E402

KEPT_BY_DATABASES = ("POSTGRES_PASSWORD", "MYSQL_ADMIN_PASSWORD")
HEAD = "# Written by `make secrets`. Compose reads it through COMPOSE_ENV_FILES=.env,.env.local, as `make up` does.\n"


def random_values() -> dict[str, str]:
    """Return a new value for every secret, without characters that a shell, a URL or compose would interpret."""
    names = [name for name, variable in Settings.variables().items() if variable.is_secret]
    values = {name: secrets.token_hex(24) for name in names}
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return values | {name: key for name in names if name.endswith("_FERNET_KEY")}


def write(path: Path, values: dict[str, str]) -> None:
    """Write the file readable only by its owner. Raises FileExistsError instead of overwriting one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(HEAD + "".join(f"{name}={value}\n" for name, value in values.items()))


def have_data() -> bool:
    """Tell whether the containers' databases exist; without Docker they do not."""
    project = os.environ.get("COMPOSE_PROJECT_NAME", "storeline")
    command = ("docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={project}")
    try:
        return bool(subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip())
    except OSError:
        return False


def tell_databases(values: dict[str, str]) -> None:
    """Set the administrators' new passwords in the running databases. Exits with one line on failure."""
    command = (
        "docker",
        "compose",
        "run",
        "--rm",
        "--no-deps",
        "-T",
        "init-db",
        "python",
        "-m",
        "init_db.admin_passwords",
    )
    new = json.dumps({name: values[name] for name in KEPT_BY_DATABASES})
    done = subprocess.run(command, input=new, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        sys.exit(
            "secrets: nothing was changed: could not set the administrators' new passwords in the databases "
            f"({reason}); start them with `docker compose up -d --wait postgres mysql` or delete all with "
            "`docker compose down -v`"
        )


def main() -> None:
    """Write the file, databases first. Exits with one line if the file already exists."""
    path = ROOT / ".env.local"
    if path.exists():
        sys.exit(
            "secrets: .env.local already exists: move it to ../old.env, run "
            "`COMPOSE_ENV_FILES=.env,../old.env make secrets`, add its other lines to the new one"
        )
    values = random_values()
    if have_data():
        tell_databases(values)
    write(path, values)
    print(f"secrets: {len(values)} random values written to .env.local; `make up` uses them")


if __name__ == "__main__":
    main()
