"""A service is healthy if it answers as expected; not if it says otherwise, lacks the field, or does not answer."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from storeline.settings import ROOT

PAGES = {"/well": (200, b'{"part": {"status": "healthy", "id": ""}}'), "/ill": (503, b"{}"), "/odd": (200, b"<html>")}


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body = PAGES[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a service that answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("/well",), 0),
        (("/well", "part.status"), 0),
        (("/well", "part.status=healthy"), 0),
        (("/well", "part.status=unhealthy"), 1),
        (("/well", "part.id"), 1),
        (("/well", "other.status"), 1),
        (("/ill",), 1),
        (("/odd", "part"), 1),
    ],
)
def test_an_answer_is_looked_at(address: str, words: tuple[str, ...], code: int) -> None:
    page, *wanted = words
    script = (sys.executable, "-I", "-S", str(ROOT / "docker" / "healthy.py"), address + page, *wanted)
    assert subprocess.run(script, capture_output=True, check=False).returncode == code


def test_who_does_not_answer_is_not_well() -> None:
    script = (sys.executable, "-I", "-S", str(ROOT / "docker" / "healthy.py"), "http://127.0.0.1:1/")
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, "refused" in done.stderr) == (1, True)
