"""Each rule of `make check-compose` is broken once, and only that rule's line is reported."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from docker import check_compose
from docker.compose_model import ROOT, mark

Change = Callable[[dict[str, Any]], object]
SAFE = {
    "user": "999:999",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "mem_limit": "1073741824",
    "pids_limit": 1024,
    "logging": {"driver": "json-file", "options": {"max-size": "20m", "max-file": "3"}},
}
MODEL: dict[str, Any] = {
    "services": {
        "postgres": SAFE
        | {
            "image": "postgres:18",
            "restart": "unless-stopped",
            "healthcheck": {"test": ["CMD", "pg_isready"]},
            "environment": {"POSTGRES_PASSWORD": mark("POSTGRES_PASSWORD")},
            "command": ["postgres"],
            "labels": {},
            "networks": {"source": None, "edge": None},
            "ports": [{"host_ip": "127.0.0.1", "target": 5432, "published": "5432"}],
            "volumes": [
                {"type": "volume", "source": "postgres", "target": "/var/lib/postgresql"},
                {
                    "type": "bind",
                    "source": f"{ROOT}/dags",
                    "target": "/a",
                    "read_only": True,
                },
            ],
            "depends_on": {"preflight": {"condition": "service_completed_successfully"}},
        },
        "preflight": SAFE
        | {
            "image": "storeline-airflow:local",
            "build": {"context": ".", "args": {}},
            "restart": "no",
            "network_mode": "none",
        },
    },
    "networks": {
        "source": {"internal": True},
        "edge": {
            "driver_opts": {
                "com.docker.network.bridge.enable_icc": "false",
                "com.docker.network.bridge.enable_ip_masquerade": "false",
            }
        },
    },
}


def set_(*path: Any, to: Any) -> Change:
    """Return a change that sets one value of the model; a path that begins with "/" starts at its root."""

    def change(model: dict[str, Any]) -> None:
        place: Any = model["services"]["postgres"]
        for step in path[:-1]:
            place = model if step == "/" else place[step]
        place[path[-1]] = to

    return change


SECRET = mark("POSTGRES_PASSWORD")
BROKEN: list[tuple[Change, str]] = [
    (set_("image", to="postgres"), "postgres: the image has no version"),
    (set_("image", to="postgres:latest"), "postgres: the image has no version"),
    (set_("image", to="postgres:alpine"), "postgres: the image has no version"),
    (set_("image", to="registry:5000/postgres"), "postgres: the image has no version"),
    (set_("user", to="0:0"), "postgres: runs as root"),
    (set_("user", to=None), "postgres: runs as root"),
    (set_("user", to="root"), "postgres: runs as root"),
    (set_("security_opt", to=[]), "postgres: no-new-privileges is not set"),
    (set_("privileged", to=True), "postgres: has privileges of the host"),
    (set_("devices", to=["/dev/kvm"]), "postgres: has privileges of the host"),
    (set_("cap_drop", to=["NET_RAW"]), "postgres: does not drop all capabilities"),
    (set_("cap_add", to=["CHOWN"]), "postgres: capability CHOWN has no reason in check_compose.py"),
    (set_("read_only", to=False), "postgres: its root file system can be written"),
    (set_("pid", to="host"), "postgres: shares the host's pid"),
    (set_("ipc", to="host"), "postgres: shares the host's ipc"),
    (set_("mem_limit", to=None), "postgres: has no limit for memory"),
    (set_("pids_limit", to=-1), "postgres: has no limit for processes"),
    (set_("logging", to={"driver": "json-file"}), "postgres: its log is not rotated"),
    (set_("ports", 0, "host_ip", to="0.0.0.0"), "postgres: port 5432 is published on 0.0.0.0"),
    (set_("ports", 0, "host_ip", to=None), "postgres: port 5432 is published on every address"),
    (set_("restart", to=None), "postgres: is not started again when it dies"),
    (set_("healthcheck", to={"disable": True}), "postgres: has no health check"),
    (set_("healthcheck", to=None), "postgres: has no health check"),
    (set_("depends_on", to=None), "preflight: ends and no service waits for it, so `up --wait` would fail"),
    (set_("command", to=["postgres", SECRET]), "postgres: POSTGRES_PASSWORD stands outside of its environment"),
    (set_("healthcheck", "test", to=["CMD", SECRET]), "postgres: POSTGRES_PASSWORD stands outside of its environment"),
    (set_("labels", "a", to=SECRET), "postgres: POSTGRES_PASSWORD stands outside of its environment"),
    (
        set_("/", "services", "preflight", "build", "args", "a", to=SECRET),
        "preflight: POSTGRES_PASSWORD stands outside of its environment",
    ),
    (set_("environment", "A", to=f"x{mark('AIRFLOW_JWT_SECRET')}"), "postgres: AIRFLOW_JWT_SECRET is not its business"),
    (
        set_("volumes", 1, "source", to="/var/run/docker.sock"),
        "postgres: mounts /var/run/docker.sock, which is no read-only folder of the code",
    ),
    (
        set_("volumes", 1, "source", to=str(ROOT)),
        f"postgres: mounts {ROOT}, which is no read-only folder of the code",
    ),
    (
        set_("volumes", 1, "read_only", to=False),
        f"postgres: mounts {ROOT}/dags, which is no read-only folder of the code",
    ),
    (set_("networks", to={"edge": None, "default": None}), "postgres: is in no network of its own"),
    (set_("network_mode", to="host"), "postgres: is in no network of its own"),
    (set_("networks", to={"source": None}), "postgres: is in the network edge exactly when it publishes a port"),
    (set_("/", "networks", "source", "internal", to=False), "network source: leads outside"),
    (
        set_("/", "networks", "edge", "driver_opts", "com.docker.network.bridge.enable_icc", to="true"),
        "network edge: enable_icc is on",
    ),
    (
        set_("/", "networks", "edge", "driver_opts", "com.docker.network.bridge.enable_ip_masquerade", to="true"),
        "network edge: enable_ip_masquerade is on",
    ),
]


def test_a_safe_model_has_no_problem() -> None:
    assert check_compose.problems(MODEL) == []


@pytest.mark.parametrize(("change", "line"), BROKEN, ids=[f"{n}-{line}" for n, (_, line) in enumerate(BROKEN)])
def test_a_broken_rule_is_one_line(change: Change, line: str) -> None:
    model = copy.deepcopy(MODEL)
    change(model)
    assert check_compose.problems(model) == [line]


def test_what_asks_for_no_login_stays_on_its_own_address() -> None:
    model = copy.deepcopy(MODEL)
    model["services"]["kafka"] = model["services"].pop("postgres") | {"environment": {}}
    assert check_compose.problems(model, bind="127.0.0.1", bind_without_login="10.0.0.1") == [
        "kafka: port 5432 is published on 127.0.0.1"
    ]
