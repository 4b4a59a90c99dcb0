"""``make demo`` takes commands where there is somebody to type them, and serves on where there is not."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.lab.__main__ import lines_of


async def test_without_a_terminal_the_demo_has_no_prompt_and_no_traceback(tmp_path: Path) -> None:
    troubles: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: troubles.append(told))
    (tmp_path / "file").write_text("quit\n")
    for name in (Path(os.devnull), tmp_path / "file"):
        with name.open() as stdin:
            assert await lines_of(stdin) is None
    assert await lines_of(None) is None
    await asyncio.sleep(0)  # asyncio begins to poll in a callback of its own
    await asyncio.sleep(0)
    assert troubles == []


async def test_lines_are_taken_from_a_pipe() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        os.write(writing, b"faults\n")
        os.close(writing)
        typed = await lines_of(stdin)
        assert typed is not None
        assert await typed.readline() == b"faults\n"
        assert await typed.readline() == b""
