"""Turns a file, or standard input, into chunks of bytes that all lie in one buffer, one after the other."""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from io import FileIO
from typing import Final

STDIN: Final = "-"
CHUNK_BYTES: Final = 1_048_576
"""Large enough for few calls, small enough to stay in a processor's cache while it is walked."""


def chunks_of(path: str) -> Iterator[memoryview]:
    """The bytes of a file, or of standard input for ``-``; OSError where it cannot be read."""
    if path == STDIN:
        with FileIO(sys.stdin.fileno(), closefd=False) as pipe:
            yield from chunks(pipe)
    else:
        with FileIO(path) as file:
            yield from chunks(file)


def chunks(file: FileIO) -> Iterator[memoryview]:
    """Each chunk is good until the next one is asked for."""
    # A page of its own: some processors copy six times slower to where a bytearray happens to begin.
    with mmap.mmap(-1, CHUNK_BYTES) as pages, memoryview(pages) as buffer:
        while count := file.readinto(buffer):
            with buffer[:count] as chunk:
                yield chunk
