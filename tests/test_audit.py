"""``make audit`` against an advisory service of our own: a hole, none, and no service at all."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.audit import needed

ROOT = Path(__file__).parents[1]


def audit(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.audit", "-s", "osv", "--osv-url", url],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@contextmanager
def advisories(about: str) -> Iterator[str]:
    """OSV's address, which knows one hole, in this package."""

    class Osv(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            package = {"name": name, "ecosystem": "PyPI"}
            events = [{"introduced": "0"}, {"fixed": "99.1"}]
            affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
            known = [{"id": "OSV-2026-1", "summary": "a hole", "affected": affected}]
            body = json.dumps({"vulns": known} if name == about else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Osv)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.mark.parametrize(
    ("about", "status", "said"),
    [
        ("asyncssh", 1, "OSV-2026-1, mended in 99.1"),
        ("ruff", 0, "(a development tool): OSV-2026-1"),
    ],
)
def test_a_known_hole_is_named_and_fails_where_it_is_ours(
    about: str, status: int, said: str
) -> None:
    with advisories(about) as url:
        done = audit(url)
    assert (done.returncode, done.stderr) == (status, "")
    assert said in done.stdout
    assert "NOT AUDITED" not in done.stdout


def test_what_our_libraries_need_is_ours_too() -> None:
    assert {"asyncssh", "cryptography", "multidict"} <= needed()
    assert not {"ruff", "pytest", "pip", "arpcheck"} & needed()


def test_a_service_that_cannot_be_asked_is_said_and_proves_nothing() -> None:
    done = audit("http://127.0.0.1:1/")
    assert (done.returncode, done.stderr) == (3, "")
    assert "could not be asked" in done.stdout
    assert "NOT AUDITED: aiohappyeyeballs, aiohttp" in done.stdout
