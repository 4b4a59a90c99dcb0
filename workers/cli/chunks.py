"""Turns a file, or standard input, into chunks of bytes, each good until the next one is asked for.

A large file is mapped, piece by piece: to walk from packet to packet touches a tenth of it, and what
is not touched is not copied. A mapped file that shrinks kills the process that looks at it, so a
file is mapped only under a lease (fcntl's F_SETLEASE): the kernel grants it where nobody has the file
open for writing, and then lets nobody open or cut it until the lease is given back, or for 45 s,
a hundred times what a piece takes. Where there is no lease, as on what is still being written, on most
network file systems, and on other people's files, the file is read.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from io import FileIO
from typing import Final

STDIN: Final = "-"
CHUNK_BYTES: Final = 1_048_576
"""Large enough for few calls, small enough to stay in a processor's cache while it is walked."""
MAPPED_BYTES: Final = 33_554_432
"""A piece of a mapped file; what is mapped counts as memory of the process."""


def chunks_of(path: str) -> Generator[memoryview]:
    """The bytes of a file, or of standard input for ``-``; OSError where it cannot be read."""
    if path == STDIN:
        with FileIO(sys.stdin.fileno(), closefd=False) as pipe:
            _widen(pipe)
            yield from _read(pipe)
    else:
        with FileIO(path) as file:
            yield from chunks(file)


def chunks(file: FileIO) -> Iterator[memoryview]:
    """The bytes of an open file from its beginning on."""
    about = os.fstat(file.fileno())
    if stat.S_ISREG(about.st_mode) and about.st_size > MAPPED_BYTES and _leased(file):
        yield from _mapped(file, about.st_size)
    yield from _read(file)


def _leased(file: FileIO) -> bool:
    from signal import SIGURG  # noqa: PLC0415  not for small files: start-up is most of their time

    try:
        # Tells that somebody waits for the file; unlike the usual signal it ends no process.
        fcntl.fcntl(file, fcntl.F_SETSIG, SIGURG)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        return fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_RDLCK
    except (OSError, AttributeError):  # no such lease, or no Linux
        return False


def _mapped(file: FileIO, size: int) -> Iterator[memoryview]:
    """Pieces as long as the lease holds; the file then stands where reading goes on."""
    at = 0
    try:
        while at < size and fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
            count = min(MAPPED_BYTES, size - at)
            # Interrupted, whoever holds a part of it lets go of it later.
            with (
                suppress(BufferError),
                mmap.mmap(file.fileno(), count, access=mmap.ACCESS_READ, offset=at) as pages,
                memoryview(pages) as chunk,
            ):
                yield chunk
            at += count
    finally:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        file.seek(at)


def _widen(pipe: FileIO) -> None:
    """A pipe holds 64 KiB, and then both ends wait for one another."""
    with suppress(OSError, AttributeError):  # no pipe, or its owner has all they may have; no Linux
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, CHUNK_BYTES)


def _read(file: FileIO) -> Iterator[memoryview]:
    # A page of its own: some processors copy six times slower to where a bytearray happens to begin.
    # Interrupted, whoever holds a part of it lets go of it later.
    with suppress(BufferError), mmap.mmap(-1, CHUNK_BYTES) as pages, memoryview(pages) as buffer:
        while count := file.readinto(buffer):
            with buffer[:count] as chunk:
                yield chunk
