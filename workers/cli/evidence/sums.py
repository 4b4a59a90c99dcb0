"""Holds a case's files against the digests its bundle was made with.

Law: each file is read once, by however many names and lines it is listed.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Final

from workers.arp.case.shape import shown
from workers.cli.evidence.folder import SUMS, Evidence, MissingFileError
from workers.errors import CaseUnreadable

_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class _Listed:
    """A file by the first of its names, and all digests that are listed for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.digests: set[str] = set()


def altered(evidence: Evidence, used: Iterable[str]) -> tuple[str, ...] | None:
    """A few words for each thing that is not as it was made; None where the case has no digests.

    A file in ``used``, from which a verdict comes, must be among those that have one; others without
    one are not looked for. Lines that are no digest of a file in the case are told as one thing.
    """
    try:
        text = b"".join(bytes(chunk) for chunk in evidence.chunks(SUMS)).decode("utf-8", "replace")
    except MissingFileError:
        return None
    listed: dict[Hashable, _Listed] = {}
    odd = list(_sorted_in(evidence, text.splitlines(), listed))
    wrong = list(_wrong(evidence, listed.values(), odd))
    untold = [name for name in used if evidence.identity(name) not in listed]
    return (*_odd(odd), *wrong, *(f"{shown(name)} is not listed" for name in untold))


def _sorted_in(
    evidence: Evidence, lines: Iterable[str], listed: dict[Hashable, _Listed]
) -> Iterator[str]:
    """Put each line's digest to its file; what is none comes back. ``#`` begins a remark."""
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            if line and not line.startswith("#"):
                yield line
            continue
        try:
            file = evidence.identity(found[2])
        except CaseUnreadable:
            yield found[2]
        else:
            listed.setdefault(file, _Listed(found[2])).digests.add(found[1])


def _wrong(evidence: Evidence, listed: Iterable[_Listed], odd: list[str]) -> Iterator[str]:
    # Imported here because most cases have no digests, and start-up is most of a small run.
    from hashlib import sha256  # noqa: PLC0415

    for file in listed:
        made = sha256()
        try:
            for chunk in evidence.chunks(file.name):
                made.update(chunk)
        except MissingFileError:
            yield f"{shown(file.name)} is missing"
        except CaseUnreadable:  # a link that leads out of the case
            odd.append(file.name)
        else:
            if file.digests != {made.hexdigest()}:
                yield f"{shown(file.name)} was changed"


def _odd(odd: list[str]) -> Iterator[str]:
    if len(odd) == 1:
        yield f"{SUMS} has a line that is no digest of a file in the case: {shown(odd[0])}"
    elif odd:
        yield (
            f"{SUMS} has {len(odd):,} lines that are no digest of a file in the case,"
            f" one is {shown(odd[0])}"
        )
