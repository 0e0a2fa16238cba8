"""Check the compose file against the rules of docs/security.md: one line for each broken rule.

Usage: python docker/check_compose.py
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

from checkout import CODE  # noqa: E402
from compose_model import ROOT, Model, mark, read, secrets  # noqa: E402

from storeline.accounts import ACCOUNTS  # noqa: E402

# Which service gets which secrets, besides those of accounts. The preflight checks all of them, without a network.
OTHERS: dict[str, set[str]] = {
    "preflight": set(secrets()),
    "spark-master": {"SPARK_AUTH_SECRET"},
    "spark-worker": {"SPARK_AUTH_SECRET"},
    "notebook": {"NOTEBOOK_PASSWORD", "SPARK_AUTH_SECRET"},
    "airflow-init": {"AIRFLOW_FERNET_KEY", "AIRFLOW_ADMIN_PASSWORD"},
    "airflow-api-server": {"AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "AIRFLOW_API_SECRET_KEY"},
    "airflow-scheduler": {"AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET", "SPARK_AUTH_SECRET", "SALES_STORAGE_PASSWORD"},
    "airflow-triggerer": {"AIRFLOW_FERNET_KEY", "AIRFLOW_JWT_SECRET"},
    "grafana": {"GRAFANA_ADMIN_PASSWORD"},
}


def given(service: str) -> set[str]:
    """Return the secrets that a service may know."""
    own = {account.password_variable for account in ACCOUNTS if service in account.services}
    return own | OTHERS.get(service, set())


# Services without authentication are published on a separate address.
WITHOUT_LOGIN = {"kafka", "spark-master", "spark-history"}
EDGE = "edge"
# Exceptions to the rules, each with its reason. There are none.
WRITABLE_ROOT: dict[str, str] = {}
CAPABILITIES: dict[tuple[str, str], str] = {}


def problems(model: Model, bind: str = "127.0.0.1", bind_without_login: str = "127.0.0.1") -> list[str]:
    """Return a line for each broken rule of a model from `docker compose config`."""
    found = []
    for name, service in model["services"].items():
        rules = (_image, _process, _limits, _ports, _life, _secrets, _mounts, _joined)
        context = {"model": model, "name": name, "bind": bind_without_login if name in WITHOUT_LOGIN else bind}
        found += [f"{name}: {line}" for rule in rules for line in rule(service, context)]
    return found + [
        f"network {name}: {line}" for name, one in model["networks"].items() for line in _network(name, one)
    ]


def _image(service: Model, context: Model) -> Iterator[str]:
    tag = service.get("image", "").rpartition("/")[2].partition(":")[2]
    ours = any(
        "build" in one and one.get("image") == service.get("image") for one in context["model"]["services"].values()
    )
    if tag in ("", "latest") or not (ours or re.search(r"\d", tag)):
        yield "the image has no version"


def _process(service: Model, context: Model) -> Iterator[str]:
    if str(service.get("user") or "").split(":")[0] in ("", "0", "root"):
        yield "runs as root"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "no-new-privileges is not set"
    if service.get("privileged") or service.get("devices"):
        yield "has privileges of the host"
    if service.get("cap_drop") != ["ALL"]:
        yield "does not drop all capabilities"
    for capability in service.get("cap_add") or []:
        if (context["name"], capability) not in CAPABILITIES:
            yield f"capability {capability} has no reason in check_compose.py"
    if not service.get("read_only") and context["name"] not in WRITABLE_ROOT:
        yield "its root file system can be written"
    for space in ("pid", "ipc", "userns_mode"):
        if service.get(space) == "host":
            yield f"shares the host's {space}"


def _limits(service: Model, context: Model) -> Iterator[str]:
    if not int(service.get("mem_limit") or 0):
        yield "has no limit for memory"
    if not 0 < int(service.get("pids_limit") or 0) <= 10**5:
        yield "has no limit for processes"
    log = service.get("logging", {})
    if log.get("driver") != "json-file" or {"max-size", "max-file"} - set(log.get("options") or {}):
        yield "its log is not rotated"


def _ports(service: Model, context: Model) -> Iterator[str]:
    for port in service.get("ports", []):
        if port.get("host_ip") != context["bind"]:
            yield f"port {port['target']} is published on {port.get('host_ip') or 'every address'}"


def _life(service: Model, context: Model) -> Iterator[str]:
    waiting = [
        one["depends_on"][context["name"]]["condition"]
        for one in context["model"]["services"].values()
        if context["name"] in (one.get("depends_on") or {})
    ]
    if service.get("restart") == "no":
        # `up` does not start services in a profile.
        if "service_completed_successfully" not in waiting and not service.get("profiles"):
            yield "ends and no service waits for it, so `up --wait` would fail"
        return
    if service.get("restart") != "unless-stopped":
        yield "is not started again when it dies"
    check = service.get("healthcheck") or {}
    if check.get("disable") or check.get("test", ["NONE"])[0] == "NONE":
        yield "has no health check"


def _secrets(service: Model, context: Model) -> Iterator[str]:
    shown = {key: value for key, value in service.items() if key != "environment"}
    told = json.dumps(service.get("environment") or {}, ensure_ascii=False)
    for name in secrets():
        if mark(name) in json.dumps(shown, ensure_ascii=False):
            yield f"{name} stands outside of its environment"
        if mark(name) in told and name not in given(context["name"]):
            yield f"{name} is not its business"


def _mounts(service: Model, context: Model) -> Iterator[str]:
    for mount in service.get("volumes", []):
        allowed = mount.get("read_only") and Path(mount["source"]) in {ROOT / name for name in CODE}
        if mount["type"] == "bind" and not allowed:
            yield f"mounts {mount['source']}, which is no read-only folder of the code"


def _joined(service: Model, context: Model) -> Iterator[str]:
    if service.get("network_mode") == "none":
        return
    joined = set(service.get("networks") or {})
    if service.get("network_mode") or not joined or "default" in joined:
        yield "is in no network of its own"
    if (EDGE in joined) != bool(service.get("ports")):
        yield f"is in the network {EDGE} exactly when it publishes a port"


def _network(name: str, network: Any) -> Iterator[str]:
    options = (network or {}).get("driver_opts") or {}
    if name == EDGE:
        for option in ("enable_icc", "enable_ip_masquerade"):
            if options.get(f"com.docker.network.bridge.{option}") != "false":
                yield f"{option} is on"
    elif not (network or {}).get("internal"):
        yield "leads outside"


if __name__ == "__main__":
    try:
        lines = problems(read())
    except (OSError, RuntimeError) as error:
        sys.exit(f"check-compose: {error}")
    print("\n".join(f"check-compose: {line}" for line in lines) or "check-compose: all rules hold")
    sys.exit(bool(lines))
