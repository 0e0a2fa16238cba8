"""Check an event against its declaration in `storeline/topics.py`: return its fields, or say why it cannot be taken.

Every input has an outcome: `unforeseen` reports what these rules did not foresee, and it stops nothing.

Plain Python, because it is faster than the same rules as Spark columns (docs/decisions.md), and readable.
Types are strict: text is not a number and a number is not text, because a value arrives as sent or not at all.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from storeline.topics import MAX_MONEY, SCHEMA_VERSION, Event, Field, Items, Kind, moment

MAX_INT, MAX_BIGINT = 2**31 - 1, 2**63 - 1
MAX_TEXT = 255
SHOWN_CHARACTERS = 60
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
MOMENT = re.compile(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)", re.ASCII)
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
ESCAPE = "\\u"
CENT = Decimal("0.01")


class Broken(Exception):
    """An event that cannot be taken; `reason` is one line."""

    def __init__(self, error_class: str, reason: str) -> None:
        super().__init__(reason)
        self.error_class, self.reason = error_class, reason


def judge(event: Event, key: bytes | None, value: bytes) -> dict[str, Any]:
    """Return the content of a valid event. Raises Broken."""
    content = read(value)
    if (version := content.get("schema_version")) != SCHEMA_VERSION or type(version) is not int:
        raise Broken(
            "unknown_version", f"schema_version: expected {SCHEMA_VERSION}, found {found(content, 'schema_version')}"
        )
    for field in event.all_fields:
        if not holds(content.get(field.name), field):
            _bad_field(field.name, _wanted(field), content, field.name)
    if event.items:
        check_items(content, event.items)
    for rule in event.rules:
        if not rule.holds(content):
            raise Broken("broken_rule", rule.reason)
    if key is None:
        raise Broken("wrong_key", f"the message has no key: expected the event's {event.key}")
    if key != content[event.key].encode():
        raise Broken("wrong_key", f"the message's key is not the event's {event.key}: {shown(key.hex().upper())}")
    return content


def read(value: bytes) -> dict[str, Any]:
    """Return a JSON object with exact numbers. Raises Broken."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Broken("invalid_utf8", "the value is not UTF-8") from None
    try:
        content = READER.decode(text)
        if ESCAPE in text:
            as_json(content).encode()  # half of a surrogate pair, possible only as an escape, is not text
    except InvalidOperation:
        raise Broken("bad_json", f"a number is out of range: {shown(text)}") from None
    except (ValueError, RecursionError):
        content = None
    if type(content) is not dict:
        raise Broken("bad_json", f"not a JSON object: {shown(text)}")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key appears twice")
    return content


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


READER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_no_number)


def check_items(content: Mapping[str, Any], items: Items) -> None:
    """Raise Broken unless the list and every object in it are as declared."""
    given = content.get(items.name)
    if type(given) is not list or not 1 <= len(given) <= items.at_most:
        _bad_field(items.name, f"a list of 1 to {items.at_most} objects", content, items.name)
    for one in given:
        if type(one) is not dict:
            _bad_field(items.name, "objects", {items.name: one}, items.name)
        for field in items.fields:
            if not holds(one.get(field.name), field):
                _bad_field(f"{items.name}: {field.name}", _wanted(field), one, field.name)


def holds(value: Any, field: Field) -> bool:
    """Return whether a value is valid for a field."""
    if value is None:
        return field.is_nullable
    return HOLDS[field.kind](value) and (not field.choices or value in field.choices)


def is_money(value: Any) -> bool:
    """Return whether a value is an amount as `Kind.MONEY` says; it is checked digit by digit and never rounded."""
    if type(value) is int:
        return 0 <= value < MAX_MONEY
    if type(value) is not Decimal or not 0 <= value < MAX_MONEY:
        return False
    if CENT.same_quantum(value):  # most amounts; checking the digits takes longer
        return True
    _, digits, exponent = value.as_tuple()
    return type(exponent) is int and (exponent >= -2 or not any(digits[exponent + 2 :]))


def is_in_calendar(text: str) -> bool:
    """Return whether text in the form of a moment is one."""
    try:
        moment(text)
    except ValueError:
        return False
    return True


# Exact types: True, an int to Python, is not a number in JSON.
HOLDS: dict[Kind, Callable[[Any], bool]] = {
    Kind.UUID: lambda value: type(value) is str and UUID.fullmatch(value) is not None,
    Kind.TEXT: lambda value: type(value) is str and 1 <= len(value) <= MAX_TEXT and "\0" not in value,
    Kind.MOMENT: lambda value: type(value) is str and MOMENT.fullmatch(value) is not None and is_in_calendar(value),
    Kind.WHOLE: lambda value: type(value) is int and 1 <= value <= MAX_INT,
    Kind.ID: lambda value: type(value) is int and 1 <= value <= MAX_BIGINT,
    Kind.MONEY: is_money,
}


def _wanted(field: Field) -> str:
    return f"one of {', '.join(field.choices)}" if field.choices else field.kind


def _bad_field(where: str, wanted: str, content: Mapping[str, Any], name: str) -> NoReturn:
    raise Broken("bad_field", f"{where}: expected {wanted}, found {found(content, name)}")


def found(content: Mapping[str, Any], name: str) -> str:
    """Return a field as the event has it, cut to fit one line."""
    if name not in content:
        return "nothing"
    try:
        return shown(as_json(content[name]))
    except (RecursionError, ValueError):
        return "a value nested too deeply to be shown"


def as_json(value: Any) -> str:
    """Return a value as an event would have it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def shown(text: str) -> str:
    """Return a text as one line of at most `SHOWN_CHARACTERS`."""
    line = CONTROL.sub(" ", text[: SHOWN_CHARACTERS + 1])
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"


def unforeseen(error: Exception) -> Broken:
    """Return the reason for an event on which the rules themselves failed."""
    name = type(error).__name__
    try:
        said = shown(str(error).encode(errors="replace").decode())
    except Exception:  # in any case, its name is reported
        said = ""
    return Broken("unforeseen", f"{name}: {said}" if said else name)
