"""The preflight reports each problem in one line, and refuses to be reachable by others with a known password."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docker import make_secrets, preflight
from storeline import ports
from storeline.settings import ROOT, Settings, read_file

VALUES = read_file(ROOT / ".env")
RANDOM = make_secrets.random_values()
SECRETS = {name for name, variable in Settings.variables().items() if variable.is_secret}


def test_the_committed_configuration_is_fit() -> None:
    assert preflight.configuration(VALUES, {}) == []


def test_every_secret_has_its_default_on_record() -> None:
    assert preflight.defaults() == {name: hashlib.sha256(VALUES[name].encode()).hexdigest() for name in SECRETS}


@pytest.mark.parametrize("name", ["BIND_ADDRESS", "BIND_ADDRESS_WITHOUT_LOGIN"])
@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5", "::"])
def test_an_open_address_is_refused_while_a_default_stands(name: str, address: str) -> None:
    left = {"POSTGRES_READER_PASSWORD": "storeline_reader"}
    assert preflight.configuration(VALUES | RANDOM | left | {name: address}, {}) == [
        f"{name} is {address} while secrets have their defaults (POSTGRES_READER_PASSWORD): "
        "run `make secrets` or set them in .env.local"
    ]


def test_an_open_address_is_taken_with_secrets_of_ones_own() -> None:
    assert preflight.configuration(VALUES | RANDOM | {"BIND_ADDRESS": "0.0.0.0"}, {}) == []


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_each_default_is_noticed(name: str) -> None:
    assert preflight.left_at_default(VALUES | RANDOM | {name: VALUES[name]}) == [name]


def test_secrets_that_compose_did_not_read_are_noticed() -> None:
    assert preflight.configuration(VALUES, RANDOM)[0].endswith(
        "of .env.local was not read: export COMPOSE_ENV_FILES=.env,.env.local, or start with `make up`"
    )


def test_a_missing_variable_is_named() -> None:
    lacking = {name: value for name, value in VALUES.items() if name != "KAFKA_PORT"}
    assert preflight.configuration(lacking, {}) == ["KAFKA_PORT is missing: expected a whole number from 1 to 65535"]


def test_a_worker_has_room_for_its_executors() -> None:
    found = preflight.configuration(VALUES | {"SPARK_WORKER_MEMORY": "4g"}, {})
    assert found == [
        "SPARK_WORKER_MEMORY_LIMIT is 3584m: executors with 4g together, their Python and the worker need 6656m"
    ]


def test_a_small_or_mistimed_machine_is_refused() -> None:
    assert preflight.machine(5.9, 100, time.time())[0].startswith("5.9 GiB of memory: 6 are needed")
    assert preflight.machine(8, 2.0, time.time())[0].startswith("2.0 GiB of disk are free")
    assert preflight.machine(8, 100, 0.0) == ["the clock says 1970-01-01, before this file was written"]
    assert preflight.machine(8, 100, time.time()) == []


def test_a_processor_without_avx2_is_refused_unless_clickhouse_is_elsewhere() -> None:
    settings, old, new = Settings(VALUES), "flags\t\t: fpu sse4_2 avx\n", "flags\t\t: fpu avx avx2\n"
    assert preflight.processor(settings, new) == preflight.processor(settings, "no x86-64") == []
    assert preflight.processor(Settings(VALUES | {"CLICKHOUSE_HOST": "10.0.0.1"}), old) == []
    assert preflight.processor(settings, old) == [
        "this processor lacks AVX2, which ClickHouse's image needs: set CLICKHOUSE_HOST to one of your own"
    ]


def test_the_container_says_it_in_one_line_and_fails() -> None:
    configuration = "\n".join(f"{n}={v}" for n, v in (VALUES | {"BIND_ADDRESS": "0.0.0.0"}).items())
    environment = os.environ | {"STORELINE_CONFIGURATION": configuration}
    script = (sys.executable, str(ROOT / "docker" / "preflight.py"), "container")
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if "BIND_ADDRESS is 0.0.0.0" in line]
    assert (done.returncode, len(lines)) == (1, 1)


def test_a_taken_port_and_a_port_that_is_asked_for_twice_are_named(unused_port: int) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", unused_port))
        other.listen()
        wanted = {"KAFKA_PORT": ("127.0.0.1", unused_port), "MYSQL_PORT": ("127.0.0.1", unused_port)}
        assert ports.problems(wanted, set()) == [
            f"port {unused_port} (KAFKA_PORT) is taken by another program: stop it or set KAFKA_PORT in .env.local",
            f"port {unused_port} (MYSQL_PORT) is KAFKA_PORT as well: set another one in .env.local",
        ]
        assert ports.problems({"KAFKA_PORT": ("127.0.0.1", unused_port)}, {unused_port}) == []


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_random_secrets_are_valid_new_each_time_and_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env.local"
    make_secrets.write(file, RANDOM)
    assert Settings(VALUES | read_file(file)).problems() == []
    assert (set(RANDOM), file.stat().st_mode & 0o777) == (SECRETS, 0o600)
    assert not set(RANDOM.values()) & set(make_secrets.random_values().values())
    with pytest.raises(FileExistsError):
        make_secrets.write(file, RANDOM)


@pytest.mark.parametrize("sign", ["'", '"', "\\"])
def test_a_password_that_mysqls_first_start_cannot_take_is_refused(sign: str) -> None:
    values = VALUES | RANDOM | {"MYSQL_ADMIN_PASSWORD": f"a{sign}b"}
    line = (
        "MYSQL_ADMIN_PASSWORD has a character that the server's first start cannot handle: leave out "
        "non-ASCII characters ' \" \\"
    )
    assert preflight.configuration(values, {}) == [line]
    assert preflight.configuration(values | {"MYSQL_HOST": "10.0.0.1"}, {}) == []


@pytest.mark.parametrize(
    ("password", "line"),
    [
        (
            "1234567",
            "NOTEBOOK_PASSWORD is a value that is not shown: expected a secret of 8 or more printable characters",
        ),
        ("paßwörter", "NOTEBOOK_PASSWORD holds other letters than ASCII's, which JupyterHub's login does not take"),
    ],
)
def test_a_password_that_jupyterhub_cannot_take_is_refused(password: str, line: str) -> None:
    assert preflight.configuration(VALUES | RANDOM | {"NOTEBOOK_PASSWORD": password}, {}) == [line]


def test_make_doctor_looks_at_the_port_of_jupyterhub() -> None:
    assert ports.published(Settings(VALUES))["NOTEBOOK_PORT"] == ("127.0.0.1", 8000)


def test_other_passwords_may_hold_any_sign() -> None:
    awkward = dict.fromkeys(SECRETS - {"MYSQL_ADMIN_PASSWORD", "AIRFLOW_FERNET_KEY"}, "a'b\"c\\d$e%f #g" * 3)
    assert preflight.configuration(VALUES | RANDOM | awkward, {}) == []


def test_random_passwords_suit_every_server() -> None:
    assert preflight.configuration(VALUES | make_secrets.random_values(), {}) == []
