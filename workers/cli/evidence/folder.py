"""Gives the files of a case's folder as chunks of bytes; none of them leads out of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Hashable, Iterator
from errno import ENAMETOOLONG
from pathlib import Path
from typing import Final, Protocol

from workers.arp.case.shape import shown
from workers.cli.chunks import chunks
from workers.errors import CaseUnreadable

DOCUMENT: Final = "case.json"
SUMS: Final = "SHA256SUMS"
MOST_DOCUMENT: Final = 16_777_216
_READ_WHOLE: Final = {DOCUMENT, SUMS}

_OUTSIDE: Final = re.compile(r"^[/\\]|\\|^[A-Za-z]:|[\x00-\x1f]|(?:^|/)\.\.(?:/|$)")


class MissingFileError(Exception):
    """The case has no such file."""


class Evidence(Protocol):
    """The files of one case; its methods raise CaseUnreadable with one sentence."""

    def document(self) -> bytes:
        """The content of case.json."""
        ...

    def chunks(self, name: str) -> Iterator[bytes | memoryview]:
        """A file's bytes in order, each chunk good until the next; MissingFileError before the first."""
        ...

    def identity(self, name: str) -> Hashable:
        """The same for all names of a file, whether it is there or not."""
        ...


class Folder:
    """A case's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def document(self) -> bytes:
        """The content of case.json."""
        try:
            return b"".join(bytes(chunk) for chunk in self.chunks(DOCUMENT))
        except MissingFileError:
            raise CaseUnreadable(
                f"{self._folder} holds no case.json{_instead(self._folder)}."
            ) from None

    def chunks(self, name: str) -> Iterator[bytes | memoryview]:
        """A file's bytes in order."""
        refuse_outside(name)
        path = self._folder / name
        if not _is_file(path):
            raise MissingFileError(name)
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise CaseUnreadable(f"The case's file {shown(name)} leads out of the case.")
        with path.open("rb", buffering=0) as file:
            yield from limited(chunks(file), name)

    def identity(self, name: str) -> Hashable:
        """A file's place on its disk: links give it other names."""
        refuse_outside(name)
        path = self._folder / name
        try:
            found = path.stat()
        except OSError:
            return path
        return found.st_dev, found.st_ino


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as trouble:
        if trouble.errno == ENAMETOOLONG:
            return False
        raise


def _instead(folder: Path) -> str:
    """What in the folder can be judged, where it is no case itself."""
    found = sorted([*folder.glob("*.zip"), *(case.parent for case in folder.glob(f"*/{DOCUMENT}"))])
    if not found:
        return ""
    one = "this one" if len(found) == 1 else f"one of its {len(found)} bundles and cases"
    return f"; judge {one} (arpcheck judge {shlex.quote(str(found[0]))})"


def limited(given: Iterator[bytes | memoryview], name: str) -> Iterator[bytes | memoryview]:
    """The same chunks; of a file that is read whole only so many."""
    total = 0
    for chunk in given:
        total += len(chunk)
        if name in _READ_WHOLE and total > MOST_DOCUMENT:
            raise CaseUnreadable(f"{name} is larger than {MOST_DOCUMENT >> 20} MiB.")
        yield chunk


def refuse_outside(name: str) -> None:
    """Refuse a name that could lead out of the case."""
    if _OUTSIDE.search(name):
        raise CaseUnreadable(f"The case names a file outside itself: {shown(name)}.")
