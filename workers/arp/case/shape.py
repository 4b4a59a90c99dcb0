"""Turns one untrusted JSON object into typed values, or into one sentence about what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from workers.arp.case.times import read_utc

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_LONGEST_TEXT: Final = 4_096
_LONGEST_SHOWN: Final = 40
_HIGHEST_VLAN: Final = 4_095
# Controls forge lines in logs and terminals, lone surrogates cannot be written as UTF-8, and the
# directional overrides make text read other than it is (Unicode UAX 9).
_UNWRITABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_MAC: Final = re.compile(r"[0-9a-f]{12}", re.ASCII)
_MAC_MARKS: Final = str.maketrans("", "", ":-.")
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4: Final = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}", re.ASCII)
_IPV4_PREFIX: Final = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}(?:/(?:3[0-2]|[12]?\d))?", re.ASCII)


class CaseError(ValueError):
    """A case cannot be read; the text is one sentence for the person who brought it."""


def clean(text: str) -> str:
    """Text without what could forge a line or hide in one."""
    return _UNWRITABLE.sub("\ufffd", text)


def shown(value: object) -> str:
    """An untrusted value as a short quote."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = clean(value) if isinstance(value, str) else str(value)
    short = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return f"'{short}'" if isinstance(value, str) else {"None": "null"}.get(short, short)


def mac_or_none(text: str) -> str | None:
    """A MAC in any usual notation as lower case with colons; None where it is none."""
    digits = text.strip().lower().translate(_MAC_MARKS)
    if not _MAC.fullmatch(digits):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def is_ipv4(text: str, *, prefix: bool = False) -> bool:
    """Whether this is a dotted decimal address, with ``prefix`` perhaps followed by /0 to /32."""
    return bool((_IPV4_PREFIX if prefix else _IPV4).fullmatch(text))


class Shape:
    """An object of the document; ``place`` is how a person finds it, such as ``points[2]``."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise CaseError(f"case.json: {place or 'the document'} should be an object")
        self._value: dict[str, Any] = value
        self._place = place

    def place(self, key: str) -> str:
        """Where ``key`` stands in the document."""
        return f"{self._place}.{key}" if self._place else key

    def wrong(self, key: str, wanted: str) -> CaseError:
        """The error for a value that is not what is wanted."""
        if key not in self._value:
            return CaseError(f"case.json: {self.place(key)} is missing; it should be {wanted}")
        value = shown(self._value[key])
        return CaseError(f"case.json: {self.place(key)} should be {wanted}, not {value}")

    def get(self, key: str) -> object:
        """The value as it is; None where the key is missing."""
        return self._value.get(key)

    def maybe_text(self, key: str) -> str | None:
        """A text or null; numbers are taken as their digits."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise self.wrong(key, f"a text of at most {_LONGEST_TEXT} characters")
        return clean(value)

    def text(self, key: str) -> str:
        """A text that must be there and not be empty."""
        value = self.maybe_text(key)
        if not value:
            raise self.wrong(key, "a text")
        return value

    def maybe_flag(self, key: str) -> bool | None:
        """True, false or null."""
        value = self._value.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "true, false or null")
        return value

    def maybe_count(self, key: str, most: int | None = None) -> int | None:
        """A whole number from 0, or null."""
        value = self._value.get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not 0 <= value <= (most or value)
        ):
            raise self.wrong(key, f"a number from 0 to {most}" if most else "a number from 0")
        return value

    def maybe_whole(self, key: str, most: int) -> int | None:
        """A whole number from ``-most`` to ``most``, or null."""
        value = self._value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
            raise self.wrong(key, f"a whole number from -{most} to {most}")
        return value

    def maybe_vlan(self, key: str) -> int | None:
        """A VLAN id or null."""
        return self.maybe_count(key, _HIGHEST_VLAN)

    def maybe_time(self, key: str) -> int | None:
        """A time in nanoseconds, or null."""
        value = self._value.get(key)
        if value is None:
            return None
        try:
            return read_utc(value if isinstance(value, str) else "")
        except ValueError:
            raise self.wrong(key, "a time such as 2026-01-01T00:00:00Z") from None

    def time(self, key: str) -> int:
        """A time that must be there."""
        at = self.maybe_time(key)
        if at is None:
            raise self.wrong(key, "a time such as 2026-01-01T00:00:00Z")
        return at

    def mac(self, key: str) -> str:
        """A MAC that must be there."""
        value = self._value.get(key)
        mac = mac_or_none(value) if isinstance(value, str) else None
        if mac is None:
            raise self.wrong(key, "a MAC such as 00:50:56:9a:21:01")
        return mac

    def maybe_ipv4(self, key: str) -> str | None:
        """An IPv4 address or null."""
        value = self._value.get(key)
        if value is None or (isinstance(value, str) and is_ipv4(value)):
            return value
        raise self.wrong(key, "an IPv4 address such as 10.20.110.1")

    def choice(self, key: str, kind: type[E], *, otherwise: E | None = None) -> E:
        """One of an enumeration's words; ``otherwise`` stands for null and unknown words."""
        value = self._value.get(key)
        for member in kind:
            if member.value == value:
                return member
        if otherwise is None or not (value is None or isinstance(value, str)):
            raise self.wrong(key, "one of " + ", ".join(kind))
        return otherwise

    def maybe_inside(self, key: str) -> Shape | None:
        """An object or null."""
        value = self._value.get(key)
        return None if value is None else Shape(value, self.place(key))

    def inside(self, key: str) -> Shape:
        """An object that must be there."""
        shape = self.maybe_inside(key)
        if shape is None:
            raise self.wrong(key, "an object")
        return shape

    def items(self, key: str) -> Sequence[object]:
        """A list; missing and null are an empty one."""
        value = self._value.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def shapes(self, key: str, read: Callable[[Shape], T]) -> tuple[T, ...]:
        """A list of objects, each read by ``read``."""
        place = self.place(key)
        return tuple(read(Shape(item, f"{place}[{n}]")) for n, item in enumerate(self.items(key)))

    def texts(self, key: str, keep: Callable[[str], str | None], wanted: str) -> tuple[str, ...]:
        """A list of texts, each as ``keep`` gives it; None from ``keep`` refuses it."""
        kept: list[str] = []
        for n, item in enumerate(self.items(key)):
            text = keep(item) if isinstance(item, str) else None
            if text is None:
                where = f"{self.place(key)}[{n}]"
                raise CaseError(f"case.json: {where} should be {wanted}, not {shown(item)}")
            kept.append(text)
        return tuple(kept)
