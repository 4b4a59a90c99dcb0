"""A port that is free, for a program that has to be told one before it starts."""

from __future__ import annotations

import secrets
import socket

_FIRST, _COUNT = 15_000, 17_000  # below what Linux gives to connections that go out meanwhile


def free_port() -> int:
    """One on which nobody listens."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
