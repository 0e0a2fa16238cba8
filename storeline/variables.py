"""The kinds of variables in `.env`: how each is parsed, and what the error for a wrong value says."""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from typing import Generic, Protocol, TypeVar, overload
from urllib.parse import urlsplit

from storeline.errors import Refusal

T = TypeVar("T")


class SettingsError(Refusal):
    """A variable is unknown, missing or invalid; the message is one line that names it."""


class Secret(str):
    """A string that is hidden in a repr, and so in a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


class Holder(Protocol):
    """The class whose attributes the variables are."""

    @property
    def values(self) -> Mapping[str, str]:
        """Return the texts by name, as `.env` has them."""


class Variable(Generic[T]):
    """A declared variable: an attribute of `Settings` that is parsed when it is read."""

    def __init__(self, parse: Callable[[str], T], expected: str) -> None:
        self.parse, self.expected, self.name = parse, expected, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.upper()

    @overload
    def __get__(self, instance: None, owner: type) -> "Variable[T]": ...
    @overload
    def __get__(self, instance: Holder, owner: type) -> T: ...
    def __get__(self, instance: Holder | None, owner: type) -> "Variable[T] | T":
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


def named(variable: Variable[T], name: str) -> Variable[T]:
    """Return a variable that is not an attribute, under its name in `.env`."""
    variable.name = name
    return variable


def text() -> Variable[str]:
    """Declare a non-empty text without blanks."""

    def parse(value: str) -> str:
        if not value or any(c.isspace() for c in value):
            raise ValueError
        return value

    return Variable(parse, "a non-empty text without blanks")


def secret(at_least: int = 1) -> Variable[Secret]:
    """Declare a secret of `at_least` characters or more."""

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


def flag() -> Variable[bool]:
    """Declare true or false."""

    def parse(value: str) -> bool:
        if value not in ("true", "false"):
            raise ValueError
        return value == "true"

    return Variable(parse, "true or false")


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
    """Declare an amount of memory in Spark's notation."""

    def parse(value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]*[mg]", value):
            raise ValueError
        return value

    return Variable(parse, "an amount of memory such as 1500m or 2g")


def web_address() -> Variable[str]:
    """Declare the address of a service that speaks HTTP; empty means none."""

    def parse(value: str) -> str:
        url = urlsplit(value)
        if value and not (url.scheme in ("http", "https") and url.netloc and not url.path.strip("/")):
            raise ValueError
        return value

    return Variable(parse, "http://host:port, https://host:port, or nothing")


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

    return Variable(parse, "a moment such as 2026-01-31T00:00:00Z, or nothing for today 00:00 UTC")
