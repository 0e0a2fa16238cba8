"""Kafka Connect: its address, and the requests to its REST interface."""

import http.client
import json
import time
from typing import Any

from storeline.errors import StorelineError
from storeline.settings import Settings

ANSWER_SECONDS = 60
BUSY_SECONDS = 60
CONFLICT, NOT_FOUND = 409, 404


class ConnectError(StorelineError):
    """Kafka Connect cannot be used as asked; the message is one line that says where and why."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def address(settings: Settings) -> str:
    """Return the address of Kafka Connect's REST interface."""
    return f"{settings.connect_host}:{settings.connect_port}"


def check(settings: Settings) -> None:
    """Raise ConnectError unless the worker is ready."""
    _once(settings, "GET", "/health", None)


def connectors(settings: Settings) -> list[str]:
    """Return the names of all connectors. Raises ConnectError."""
    return sorted(_request(settings, "GET", "/connectors"))


def configuration(settings: Settings, name: str) -> dict[str, str] | None:
    """Return a connector's configuration; None when there is no such connector. Raises ConnectError."""
    try:
        return dict(_request(settings, "GET", f"/connectors/{name}/config"))
    except ConnectError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def configure(settings: Settings, name: str, wanted: dict[str, str]) -> None:
    """Create a connector, or change its configuration. Raises ConnectError when Connect rejects it."""
    _request(settings, "PUT", f"/connectors/{name}/config", wanted)


def delete(settings: Settings, name: str) -> None:
    """Delete a connector. Raises ConnectError."""
    _request(settings, "DELETE", f"/connectors/{name}")


def resume(settings: Settings, name: str) -> None:
    """Resume a connector that was paused or stopped, and restart what has failed. Raises ConnectError."""
    _request(settings, "PUT", f"/connectors/{name}/resume")
    if "FAILED" in (state for state, _ in states(settings, name)):
        _request(settings, "POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")


def states(settings: Settings, name: str) -> list[tuple[str, str]]:
    """Return the state of a connector and of each of its tasks, with the trace of what went wrong.

    Empty for one that was just created, or whose worker has just started. Raises ConnectError.
    """
    try:
        found = _request(settings, "GET", f"/connectors/{name}/status")
    except ConnectError as error:
        if error.status == NOT_FOUND:
            return []
        raise
    return [(one["state"], one.get("trace", "")) for one in (found["connector"], *found["tasks"])]


def offset(settings: Settings, name: str) -> dict[str, Any]:
    """Return the position from which a connector with one partition continues; empty when it has none.

    Raises ConnectError.
    """
    found = _request(settings, "GET", f"/connectors/{name}/offsets")["offsets"]
    return dict(found[0]["offset"]) if found else {}


def _request(settings: Settings, method: str, path: str, body: object = None) -> Any:
    """Send a request, and send it again while the worker is still starting and answers with a conflict."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _once(settings, method, path, body)
        except ConnectError as error:
            if error.status != CONFLICT or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _once(settings: Settings, method: str, path: str, body: object) -> Any:
    connection = http.client.HTTPConnection(settings.connect_host, settings.connect_port, timeout=ANSWER_SECONDS)
    try:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text, status = answer.read().decode(errors="replace"), answer.status
    except (OSError, http.client.HTTPException) as error:
        raise ConnectError(f"Kafka Connect at {address(settings)} does not answer: {error}") from None
    finally:
        connection.close()
    if status >= http.client.MULTIPLE_CHOICES:
        raise ConnectError(f"Kafka Connect at {address(settings)}: {method} {path}: {_reason(text)}", status)
    return json.loads(text) if text else None


def _reason(text: str) -> str:
    """Return in one line what a refusal says."""
    try:
        said = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        said = text
    return " ".join(said.split())[:500] or "no reason given"
