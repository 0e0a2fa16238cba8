"""HTTP requests to a service on this machine."""

import http.client
import json
from typing import Any

from storeline.errors import StorelineError


class WebError(StorelineError):
    """A service does not answer, or refuses; the message is one line, `status` the HTTP status, 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def request_json(port: int, path: str, method: str = "GET", body: object = None, token: str | None = None) -> Any:
    """Return a service's answer, parsed as JSON. Raises WebError."""
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status >= 300:
            raise WebError(f"{method} {path}: status {answer.status}: {text[:200].strip()}", answer.status)
        return json.loads(text) if text else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WebError(f"port {port} does not answer: {error}") from None
    finally:
        connection.close()
