"""Log records turned into lines: JSON where a machine reads stdout, plain text where a person does.

The laws: one record is one line, whatever a VM is named, and no secret that was told to ``set_up``
is ever written, not in a message and not in a traceback.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "‹secret›"
_SHORTEST_SECRET = 4
_NOISY = ("asyncssh", "slack_bolt", "slack_sdk", "aiohttp.access", "asyncio")


def set_up(
    secrets: Iterable[str] = (), *, stream: TextIO | None = None, debug: bool = False
) -> None:
    """Send all logging to ``stream`` (stdout); ``secrets`` are tokens, passwords, and URLs with any."""
    out = stream or sys.stdout
    lines = _Lines(_all_forms(secrets), as_json=not out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(lines)
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO, handlers=[handler], force=True
    )
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def escape_controls(text: str) -> str:
    """Control, bidirectional and line-breaking characters as escapes; one line stays one."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


class _Lines(logging.Formatter):
    def __init__(self, secrets: tuple[str, ...], *, as_json: bool) -> None:
        super().__init__()
        self._secrets, self._as_json = secrets, as_json

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = self._clean(record.getMessage())
        trace = self._clean(self.formatException(record.exc_info)) if record.exc_info else ""
        if self._as_json:
            entry: dict[str, object] = {
                "at": at,
                "level": record.levelname,
                "logger": record.name,
                "message": message,
            }
            audit = getattr(record, "audit", None)
            if isinstance(audit, dict):
                entry["message"] = "audit"
                entry["audit"] = {key: self._clean(str(value)) for key, value in audit.items()}
            return json.dumps(entry | ({"traceback": trace} if trace else {}))
        head = f"{at[11:23]} {record.levelname:<7} {record.name}: {escape_controls(message)}"
        return "\n    ".join([head, *(escape_controls(line) for line in trace.split("\n") if line)])

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def _all_forms(secrets: Iterable[str]) -> tuple[str, ...]:
    forms: set[str] = set()
    for secret in secrets:
        password = urlsplit(secret).password if "://" in secret else secret
        if password and len(password) >= _SHORTEST_SECRET:
            plain = unquote(password) if "://" in secret else password
            forms |= {
                password,
                plain,
                quote(plain, safe=""),
                json.dumps(plain)[1:-1],
                repr(plain)[1:-1],
            }
    return tuple(sorted(forms, key=len, reverse=True))
