"""Turns nanoseconds into ISO 8601 UTC text and back, without a float in between."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  with a zone its text ends in +00:00
_EPOCH_DAY: Final = _EPOCH.toordinal()
_LATEST_SECOND: Final = 253_402_300_799
_SHAPE: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\d*(?:[Zz]|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)


def utc(at: int) -> str:
    """``2026-01-01T00:00:00.000000Z``; what lies outside 1970 to 9999 becomes its nearest end."""
    micros = max(0, min(at // 1_000, _LATEST_SECOND * 1_000_000 + 999_999))
    return f"{(_EPOCH + timedelta(microseconds=micros)).isoformat(timespec='microseconds')}Z"


def read_utc(text: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 time with a zone.

    Raises:
        ValueError: it is none, or lies outside 1970 to 9999.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no ISO 8601 time with a zone")
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    seconds = (moment.toordinal() - _EPOCH_DAY) * 86_400 + hour * 3_600 + minute * 60 + second
    if match[8]:
        offset = int(match[9]) * 3_600 + int(match[10]) * 60
        seconds += -offset if match[8] == "+" else offset
    if not 0 <= seconds <= _LATEST_SECOND:
        raise ValueError(f"{text!r} lies outside 1970 to 9999")
    return seconds * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))
