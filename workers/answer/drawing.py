"""A kept answer turned into one with its picture.

Drawing takes longer than all else after a capture, so it is done when the verdict stands in the thread
already, and by a process of its own. The picture is drawn from the bundle: whoever takes over can draw
it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import replace
from pathlib import Path

from workers.answer.evidence import Kept
from workers.painter import ANSWER, BUNDLE, DRAWING_SECONDS

_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH"),
    *("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
)
"""All that the painter learns of the worker's environment, which holds secrets."""

_ROOT = str(Path(__file__).parents[2])
_PROGRAM = """
import sys
if sys.argv[1] not in sys.path:
    sys.path.insert(0, sys.argv[1])
from workers.painter import main
main()
"""
"""The painter beside this module, whatever the folder holds in which the worker was started."""

log = logging.getLogger(__name__)


class NotDrawn(Exception):
    """The painter's traceback."""


class Drawing:
    """Draws one picture at a time, each within ``seconds``; ``close`` ends what it starts for that."""

    def __init__(self, seconds: float = DRAWING_SECONDS) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._painter: Process | None = None

    async def with_picture(self, kept: Kept) -> Kept:
        """The answer with its picture, as it is where it has one or there is nothing to draw."""
        if kept.picture or not kept.bundle:
            return kept
        try:
            async with self._turn:
                return replace(kept, picture=await self._drawn(kept.bundle))
        except Exception:  # whatever it is, an answer without its picture is better than none
            log.exception("%s has no picture", kept.name)
            return kept

    async def close(self) -> None:
        """End the painter, whatever it is doing."""
        painter, self._painter = self._painter, None
        if painter is not None:
            with contextlib.suppress(ProcessLookupError):
                painter.kill()
            await painter.wait()

    async def _drawn(self, bundle: bytes) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                is_picture, told = await self._twice(bundle)
        except BaseException:  # cancelled too: what it says next would be of another bundle
            await self.close()
            raise
        if not is_picture:
            raise NotDrawn(told.decode("utf-8", "replace"))
        return told

    async def _twice(self, bundle: bytes) -> tuple[bool, bytes]:
        """A painter ends by itself, perhaps just when it is given a bundle: then another is asked."""
        try:
            return await self._ask(bundle)
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            return await self._ask(bundle)

    async def _ask(self, bundle: bytes) -> tuple[bool, bytes]:
        if self._painter is None:
            self._painter = await _painter()
        stdin, stdout = self._painter.stdin, self._painter.stdout
        assert stdin is not None  # noqa: S101 - it was started with pipes
        assert stdout is not None  # noqa: S101
        stdin.write(BUNDLE.pack(len(bundle)) + bundle)
        await stdin.drain()
        is_picture, length = ANSWER.unpack(await stdout.readexactly(ANSWER.size))
        return is_picture, await stdout.readexactly(length)


async def _painter() -> Process:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _PROGRAM, _ROOT),
        stdin=PIPE,
        stdout=PIPE,
        env=environment
        | {"OPENBLAS_NUM_THREADS": "1"},  # more threads take memory and draw nothing
    )
