"""Turns named bytes into a zip that is the same, byte for byte, whenever it is made."""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import zipfile
from collections.abc import Collection, Mapping
from typing import Any, Final

from workers.arp.case.times import utc

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_PERMISSIONS: Final = stat.S_IFREG | 0o644
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._+-]+", re.ASCII)
_LONGEST_NAME: Final = 64
_DEEPEST: Final = 4


def packed(content: Mapping[str, bytes]) -> bytes:
    """A zip of ``content``: sorted, one time stamp, one set of permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _PERMISSIONS << 16
            archive.writestr(entry, content[name])
    return buffer.getvalue()


def safe_name(text: str) -> str:
    """A single file name that is one on every system, whatever the text."""
    name = _UNSAFE.sub("_", text)[:_LONGEST_NAME].strip("._-")
    return name or "unnamed"


def safe_path(text: str) -> str:
    """A relative path of safe names."""
    parts = [part for part in text.replace("\\", "/").split("/") if part.strip(". ")]
    return "/".join(safe_name(part) for part in parts[-_DEEPEST:]) or "unnamed"


def unused(path: str, taken: Collection[str]) -> str:
    """The path, numbered where another entry has it; case does not tell two files apart."""
    lower = {name.lower() for name in taken}
    own, number = path, 1
    while own.lower() in lower:
        number += 1
        stem, dot, ending = path.rpartition(".")
        own = f"{stem}_{number}.{ending}" if dot else f"{path}_{number}"
    return own


def sum_lines(content: Mapping[str, bytes]) -> bytes:
    """What ``sha256sum -c`` reads."""
    return "".join(f"{sha256(content[name])}  {name}\n" for name in sorted(content)).encode()


def sha256(data: bytes) -> str:
    """The digest in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def as_document(value: Any) -> bytes:  # noqa: ANN401
    """JSON for people and programs."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace")


def file_stamp(at: int | None) -> str:
    """``20260101T000040Z`` for a file's name."""
    return "undated" if at is None else re.sub(r"[-:]|\.\d+", "", utc(at))
