"""The one reader of the configuration: `.env`, then `.env.local`, then the environment.

Usage: python -m storeline.settings    (checks everything; prints one line for each thing that is wrong)
"""

import base64
import ipaddress
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Generic, TypeVar, overload
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
T = TypeVar("T")


class SettingsError(Exception):
    """A variable is unknown, missing or ill-typed; the message is one line that names it."""


class Secret(str):
    """A string that does not show itself in a repr, so not in a traceback either."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


class Variable(Generic[T]):
    """A declared variable: an attribute of `Settings` that is parsed when it is read."""

    def __init__(self, parse: Callable[[str], T], expected: str) -> None:
        self.parse, self.expected, self.name = parse, expected, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.upper()

    @overload
    def __get__(self, instance: None, owner: type) -> "Variable[T]": ...
    @overload
    def __get__(self, instance: "Settings", owner: type) -> T: ...
    def __get__(self, instance: "Settings | None", owner: type) -> "Variable[T] | T":
        if instance is None:
            return self
        if self.name not in instance.values:
            raise SettingsError(f"{self.name} is missing: expected {self.expected}")
        text = instance.values[self.name]
        try:
            return self.parse(text)
        except ValueError:
            shown = "a value that is not shown" if self.is_secret else repr(text)
            raise SettingsError(f"{self.name} is {shown}: expected {self.expected}") from None

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be printed."""
        return self.name.endswith(("_PASSWORD", "_SECRET", "_SECRET_KEY", "_FERNET_KEY"))


def text() -> Variable[str]:
    """Declare a text that is not empty."""

    def parse(value: str) -> str:
        if not value or any(c.isspace() for c in value):
            raise ValueError
        return value

    return Variable(parse, "a text without blanks, not empty")


def secret(at_least: int = 1) -> Variable[Secret]:
    """Declare a secret of `at_least` characters."""

    def parse(value: str) -> Secret:
        if len(value) < at_least or not value.isprintable():
            raise ValueError
        return Secret(value)

    return Variable(parse, f"a secret of {at_least} or more printable characters")


def fernet_key() -> Variable[Secret]:
    """Declare a key for symmetric encryption as the `cryptography` package makes it."""

    def parse(value: str) -> Secret:
        if len(base64.urlsafe_b64decode(value.encode())) != 32:
            raise ValueError
        return Secret(value)

    return Variable(parse, "32 bytes in URL-safe base64")


def number(kind: type[T], low: float, high: float) -> Variable[T]:
    """Declare a number from `low` to `high`, both included."""

    def parse(value: str) -> T:
        parsed = kind(value)  # type: ignore[call-arg]
        if not low <= float(value) <= high:
            raise ValueError
        return parsed

    article = "a whole number" if kind is int else "a number"
    return Variable(parse, f"{article} from {low:g} to {high:.0f}")


def whole(low: int, high: int) -> Variable[int]:
    """Declare a whole number from `low` to `high`, both included."""
    return number(int, low, high)


def port() -> Variable[int]:
    """Declare a TCP port."""
    return whole(1, 65535)


def address() -> Variable[str]:
    """Declare an IP address."""
    return Variable(lambda value: str(ipaddress.ip_address(value)), "an IP address")


def memory() -> Variable[str]:
    """Declare an amount of memory as Spark writes it."""

    def parse(value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]*[mg]", value):
            raise ValueError
        return value

    return Variable(parse, "an amount of memory such as 1500m or 2g")


def master() -> Variable[str]:
    """Declare the address of a Spark cluster."""

    def parse(value: str) -> str:
        url = urlsplit(value)
        if value != "yarn" and not (url.scheme in ("spark", "k8s") and url.netloc):
            raise ValueError
        return value

    return Variable(parse, "spark://host:port, yarn or k8s://…")


def moment() -> Variable[datetime]:
    """Declare a moment in UTC; empty means the last midnight."""

    def parse(value: str) -> datetime:
        if not value:
            return datetime.combine(datetime.now(UTC).date(), time(), UTC)
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)

    return Variable(parse, "a moment as 2026-01-31T00:00:00Z, or nothing for today 00:00 UTC")


@dataclass(frozen=True)
class Settings:
    """Every variable of `.env`, typed; reading one that is missing or ill-typed raises SettingsError."""

    values: Mapping[str, str] = field(repr=False)  # holds secrets

    bind_address = address()
    bind_address_without_login = address()

    postgres_host = text()
    postgres_port = port()
    postgres_db = text()
    postgres_user = text()
    postgres_password = secret()
    postgres_generator_user = text()
    postgres_generator_password = secret()
    postgres_reader_user = text()
    postgres_reader_password = secret()
    postgres_airflow_db = text()
    postgres_airflow_user = text()
    postgres_airflow_password = secret()

    mysql_host = text()
    mysql_port = port()
    mysql_admin_user = text()
    mysql_admin_password = secret()
    mysql_replicator_user = text()
    mysql_replicator_password = secret()
    mysql_mart_builder_user = text()
    mysql_mart_builder_password = secret()
    mysql_analyst_user = text()
    mysql_analyst_password = secret()

    kafka_host = text()
    kafka_port = port()
    kafka_event_partitions = whole(1, 1000)
    kafka_retention_hours = whole(1, 24 * 3650)
    kafka_dead_letter_retention_hours = whole(1, 24 * 3650)
    kafka_event_max_bytes = whole(1024, 2**30)
    kafka_change_max_bytes = whole(1024, 2**30)
    kafka_heap_memory = memory()

    airflow_port = port()
    airflow_admin_user = text()
    airflow_admin_password = secret()
    airflow_jwt_secret = secret(32)
    airflow_api_secret_key = secret(16)
    airflow_fernet_key = fernet_key()

    spark_master_url = master()
    spark_master_ui_port = port()
    spark_worker_ui_port = port()
    spark_history_port = port()
    spark_workers = whole(1, 1000)
    spark_worker_cores = whole(1, 1000)
    spark_worker_memory = memory()
    spark_batch_cores = whole(1, 1000)
    spark_auth_secret = secret(16)

    shop_users = whole(1, 10**9)
    shop_categories = whole(2, 10**4)
    shop_products = whole(1, 10**7)
    shop_orders = whole(0, 10**9)
    shop_reviews = whole(0, 10**9)
    shop_loyalty_entries = whole(0, 10**9)
    shop_scale = number(float, 0.1, 1000)
    shop_seed = whole(0, 2**32 - 1)
    shop_days = whole(1, 36500)
    shop_until = moment()

    copy_chunk_mib = whole(1, 4096)
    copy_timeout_seconds = whole(1, 7 * 86400)
    lock_wait_seconds = whole(0, 86400)
    swap_wait_seconds = whole(1, 86400)

    postgres_memory_limit = memory()
    mysql_memory_limit = memory()
    kafka_memory_limit = memory()
    spark_daemon_memory_limit = memory()
    spark_worker_memory_limit = memory()
    airflow_memory_limit = memory()
    airflow_scheduler_memory_limit = memory()
    job_memory_limit = memory()
    pids_limit = whole(100, 10**6)
    log_max_size = memory()

    @classmethod
    def variables(cls) -> dict[str, Variable[object]]:
        """Return every declared variable by its name in `.env`."""
        return {v.name: v for v in vars(cls).values() if isinstance(v, Variable)}

    def problems(self) -> list[str]:
        """Return one line for each variable that is missing or ill-typed, and for what contradicts itself."""
        found = []
        for variable in self.variables().values():
            try:
                variable.__get__(self, Settings)
            except SettingsError as error:
                found.append(str(error))
        return found or self._contradictions()

    def _contradictions(self) -> list[str]:
        slots, wanted = self.spark_workers * self.spark_worker_cores, 2 * self.spark_batch_cores
        if self.spark_master_url.startswith("spark://") and wanted > slots:
            return [
                f"SPARK_BATCH_CORES is {self.spark_batch_cores}: two batch jobs need {wanted} slots, "
                f"SPARK_WORKERS × SPARK_WORKER_CORES gives {slots}"
            ]
        return []


def read_file(path: Path) -> dict[str, str]:
    """Return a file's assignments. Raises SettingsError for a line that is none, or a variable nobody knows."""
    values: dict[str, str] = {}
    for number_, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = ASSIGNMENT.fullmatch(line.strip())
        if not match:
            raise SettingsError(f"{path.name}, line {number_}: expected NAME=value or a comment")
        name, value = match.groups()
        if name not in Settings.variables():
            raise SettingsError(f"{name} in {path.name}, line {number_}, is unknown: expected a name from .env")
        if name in values:
            raise SettingsError(f"{name} in {path.name}, line {number_}, is set for the second time")
        values[name] = value.strip().strip('"')
    return values


def load(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the configuration. With a `.env` at hand it is checked whole; raises SettingsError, one line.

    A container is given only the variables that its service needs and no `.env`; there a missing variable is an
    error when it is read. `STORELINE_SERVICES` (set by the compose file alone) maps a service that `.env` names by
    this machine's loopback address to its name inside, e.g. `postgres=postgres:5432 mysql=mysql:3306`.
    """
    values: dict[str, str] = {}
    for file in (root / ".env", root / ".env.local"):
        if file.exists():
            values |= read_file(file)
    is_whole = bool(values)
    values |= {name: environment[name] for name in Settings.variables() if name in environment}
    for service in environment.get("STORELINE_SERVICES", "").split():
        _enter_network(values, *service.split("="))
    settings = Settings(values)
    if is_whole and (problems := settings.problems()):
        raise SettingsError("; ".join(problems))
    return settings


def _enter_network(values: dict[str, str], service: str, inside: str) -> None:
    """Replace a loopback address by the service's address inside; an external host stays."""
    prefix, (host, port_) = service.upper(), inside.split(":")
    if prefix == "SPARK":
        if urlsplit(values.get("SPARK_MASTER_URL", "")).hostname in LOOPBACK:
            values["SPARK_MASTER_URL"] = f"spark://{inside}"
    elif values.get(f"{prefix}_HOST") in LOOPBACK:
        values |= {f"{prefix}_HOST": host, f"{prefix}_PORT": port_}


if __name__ == "__main__":
    try:
        load()
    except SettingsError as error_:
        sys.exit(f"settings: {error_}")
