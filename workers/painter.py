"""Bundles read from stdin, one after the other, turned into pictures on stdout: a process of its own.

Drawing keeps an interpreter busy for longer than all else after a capture, and matplotlib weighs more
than a worker's own modules. Here it costs a worker neither its event loop nor its memory.

The law: it ends by itself. Its worker need not tell it: when its stdin ends, when nothing is to be
drawn for a while, after so many pictures, when a picture takes too long or too much memory.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import struct
import sys
import traceback
from typing import BinaryIO, Final

from workers.arp.bundle import judged_again
from workers.arp.picture import draw

IDLE_SECONDS: Final = 60
DRAWING_SECONDS: Final = 60
MOST_PICTURES: Final = 100
MOST_BYTES: Final = 1 << 30
"""Of addresses, of which a picture takes about a quarter."""

BUNDLE: Final = struct.Struct("!Q")
"""Before each bundle: its length."""
ANSWER: Final = struct.Struct("!?Q")
"""Before each answer: whether it is a picture, not the traceback of why there is none; its length."""


def main() -> None:
    """Draw until there is no more to draw."""
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # a whole unit or terminal is told, and may finish
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(ValueError):  # it has a lower limit already
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints is no answer
    for _ in range(MOST_PICTURES):
        signal.alarm(IDLE_SECONDS)  # its default is to end the process, whatever it is doing
        bundle = _next(sys.stdin.buffer)
        if bundle is None:
            return
        signal.alarm(DRAWING_SECONDS)
        is_picture, told = _drawn(bundle)
        answers.write(ANSWER.pack(is_picture, len(told)) + told)
        answers.flush()


def _next(stdin: BinaryIO) -> bytes | None:
    head = stdin.read(BUNDLE.size)
    if len(head) < BUNDLE.size:
        return None
    (length,) = BUNDLE.unpack(head)
    bundle = stdin.read(length)
    return bundle if len(bundle) == length else None


def _drawn(bundle: bytes) -> tuple[bool, bytes]:
    try:
        return True, draw(judged_again(bundle))
    except Exception:  # noqa: BLE001 - the worker logs it, and the next bundle may be drawn
        return False, traceback.format_exc().encode()


if __name__ == "__main__":
    main()
