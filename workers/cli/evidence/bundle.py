"""Opens a zip of a case and gives its files as chunks of bytes.

Law: a bundle comes from anywhere. Nothing is ever unpacked to disk, no name leads out of the case,
and what a zip may make us read is limited in number, size and ratio before a byte is inflated.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeVar

from workers.arp.case.shape import shown
from workers.cli.evidence.folder import (
    DOCUMENT,
    MissingFileError,
    limited,
    refuse_outside,
)
from workers.errors import CaseUnreadable

T = TypeVar("T")

_CHUNK_BYTES: Final = 262_144

_MOST_ENTRIES: Final = 2_000
_MOST_DIRECTORY: Final = 1_048_576
_MOST_INFLATED: Final = 1_073_741_824
_MOST_RATIO: Final = 200
_RATIO_FROM: Final = 16_777_216
"""Ratios are judged from this size on: a small file may well be all zeros."""

_FILE: Final = b"PK\x03\x04"
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_LONGEST_COMMENT: Final = 65_535
_END64_LOCATOR: Final = b"PK\x06\x07"
_END64_LOCATOR_BYTES: Final = 20
_ENCRYPTED: Final = 1
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a zip; CaseUnreadable where it is broken or no bundle of ours."""
    try:
        with path.open("rb") as file:
            _check_directory(file, path)
            with _opened(lambda: zipfile.ZipFile(file)) as archive:
                yield Bundle(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as trouble:
        raise CaseUnreadable(f"{path} is a broken zip: {trouble}.") from None


class Bundle:
    """A case's files in a zip."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in archive.infolist():
            refuse_outside(entry.filename)
            _refuse_unusual(entry)
            if entry.filename in self._entries:
                raise CaseUnreadable(f"The zip holds {shown(entry.filename)} twice.")
            self._entries[entry.filename] = entry
        if sum(entry.file_size for entry in self._entries.values()) > _MOST_INFLATED:
            raise CaseUnreadable(f"The zip unpacks to more than {_MOST_INFLATED >> 20} MiB.")
        self._top = self._find_top()

    def document(self) -> bytes:
        """The content of case.json."""
        return b"".join(bytes(chunk) for chunk in self.chunks(DOCUMENT))

    def chunks(self, name: str) -> Iterator[bytes | memoryview]:
        """A file's bytes in order."""
        entry = self._entries.get(self.identity(name))
        if entry is None or entry.is_dir():
            raise MissingFileError(name)
        with _opened(lambda: self._archive.open(entry)) as file:
            yield from limited(_chunked(file), name)

    def identity(self, name: str) -> str:
        """The entry's name; ``./`` and doubled slashes lead to the same."""
        refuse_outside(name)
        return self._top + str(PurePosixPath(name))

    def _find_top(self) -> str:
        """The folder inside the zip that case.json stands in: none, or a single one at the top."""
        if DOCUMENT in self._entries:
            return ""
        tops = [
            f"{path.parent}/"
            for path in map(PurePosixPath, self._entries)
            if path.name == DOCUMENT and len(path.parts) == 2  # noqa: PLR2004
        ]
        if len(tops) != 1:
            raise CaseUnreadable("The zip holds no case.json, so it is no arpcheck bundle.")
        return tops[0]


def _opened(opener: Callable[[], T]) -> T:
    """What ``opener`` gives; zipfile lets a wrong offset or a garbled name out as a ValueError."""
    try:
        return opener()
    except ValueError as trouble:
        raise zipfile.BadZipFile(str(trouble)) from None


def _chunked(file: IO[bytes]) -> Iterator[bytes | memoryview]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def _refuse_unusual(entry: zipfile.ZipInfo) -> None:
    """Refuse what no bundle of ours holds and what could hurt."""
    name, size = shown(entry.filename), entry.file_size
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise CaseUnreadable(f"The zip holds a symbolic link: {name}.")
    if entry.flag_bits & _ENCRYPTED:
        raise CaseUnreadable("The zip is encrypted; unpack it and judge the folder.")
    if entry.compress_type not in _METHODS:
        raise CaseUnreadable(f"The zip packs {name} in a way that is not supported.")
    if size > _RATIO_FROM and size > _MOST_RATIO * max(1, entry.compress_size):
        raise CaseUnreadable(f"The zip's {name} unpacks to {size >> 20} MiB from next to nothing.")


def _check_directory(file: IO[bytes], path: Path) -> None:
    """Look at the zip's end record before zipfile loads the whole directory into memory.

    Source: PKWARE APPNOTE 4.3.16 (end of central directory), 4.3.15 (zip64 locator).
    """
    begins = file.read(len(_FILE))
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _LONGEST_COMMENT - _END64_LOCATOR_BYTES))
    tail = file.read()
    bare = len(tail) - _END_BYTES
    plain = bare >= 0 and tail.startswith(_END, bare) and tail.endswith(b"\x00\x00")
    end = bare if plain else tail.rfind(_END)
    if end < 0 or end + _END_BYTES > len(tail):
        what = "is neither a case's folder nor a zip" if size else "is empty, and no zip"
        if begins == _FILE:
            what = "is a zip that breaks off: fetch it again, it was copied in part"
        hint = "; arpcheck read judges a capture" * path.name.endswith((".pcap", ".pcapng"))
        raise CaseUnreadable(f"{path} {what}{hint}.")
    entries = int.from_bytes(tail[end + 10 : end + 12], "little")
    directory = int.from_bytes(tail[end + 12 : end + 16], "little")
    locator = tail[max(0, end - _END64_LOCATOR_BYTES) : end]
    if entries > _MOST_ENTRIES or directory > _MOST_DIRECTORY or _END64_LOCATOR in locator:
        raise CaseUnreadable(f"{path} holds more than {_MOST_ENTRIES} files: no arpcheck bundle.")
    file.seek(0)
