"""Opens a saved case, a folder or a zip, and gives its files as chunks of bytes.

Law: a bundle comes from anywhere. Nothing is ever unpacked to disk, no name leads out of the case,
and what a zip may make us read is limited in number, size and ratio before a byte is inflated.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.cli.evidence.folder import DOCUMENT, Evidence, Folder, MissingFileError
from workers.cli.telling import unreadable

__all__ = ["DOCUMENT", "Evidence", "Folder", "MissingFileError", "open_evidence"]


@contextmanager
def open_evidence(path: Path) -> Iterator[Evidence]:
    """Open a case's folder, its ``case.json``, or a zip of it."""
    try:
        if path.is_dir():
            yield Folder(path)
        elif path.name == DOCUMENT:
            yield Folder(path.parent)
        else:
            # Imported here because a folder, which is read far more often, needs no zipfile.
            from workers.cli.evidence.bundle import open_bundle  # noqa: PLC0415

            with open_bundle(path) as bundle:
                yield bundle
    except OSError as trouble:
        raise unreadable(str(path), trouble) from None
