"""Holds a case's files against the digests its bundle was made with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from workers.arp.case.shape import shown
from workers.cli.evidence.folder import SUMS, Evidence, MissingFileError

_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def altered(evidence: Evidence, used: Iterable[str]) -> tuple[str, ...] | None:
    """A few words for each file that is not as it was made; None where the case has no digests.

    A file in ``used``, from which a verdict comes, must be among those that have one; others without
    one are not looked for.
    """
    try:
        text = _whole(evidence, SUMS).decode("utf-8", "replace")
    except MissingFileError:
        return None
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    digests = {match[2]: match[1] for match in found if match}
    return tuple(_wrong(evidence, digests, [name for name in used if name not in digests]))


def _wrong(evidence: Evidence, digests: dict[str, str], untold: Iterable[str]) -> Iterator[str]:
    # Imported here because most cases have no digests, and start-up is most of a small run.
    from hashlib import sha256  # noqa: PLC0415

    for name, digest in digests.items():
        made = sha256()
        try:
            for chunk in evidence.chunks(name):
                made.update(chunk)
        except MissingFileError:
            yield f"{shown(name)} is missing"
            continue
        if made.hexdigest() != digest:
            yield f"{shown(name)} was changed"
    for name in untold:
        yield f"{shown(name)} is not listed"


def _whole(evidence: Evidence, name: str) -> bytes:
    return b"".join(bytes(chunk) for chunk in evidence.chunks(name))
