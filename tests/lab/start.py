"""A module's name turned into its own process, by ``python -m`` or, in the tests, by a quicker way.

Most of a program's start is importing other people's libraries, a second of it for a worker, and the
tests start hundreds. So pytest's programs are forked from one process that has these libraries and
nothing of the product; ``ARPCHECK_COLD=1`` starts each as an operator does.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARIES = (
    *("aiohttp.web", "asyncssh", "dpkt", "prometheus_client", "pyVmomi", "redis.asyncio"),
    "rich.console",
    *("slack_bolt.adapter.aiohttp", "slack_bolt.adapter.socket_mode.aiohttp"),
    *("slack_bolt.app.async_app", "slack_sdk.web.async_client"),
)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(LIBRARIES))


class Forked:
    """A forked program, with as much of asyncio's Process as the tests need."""

    def __init__(self, process: multiprocessing.process.BaseProcess) -> None:
        assert process.pid is not None
        self.pid: int = process.pid
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._end)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = asyncio.subprocess.Process | Forked


async def start(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    output: tuple[int, int],
    cwd: Path = ROOT,
    cold: bool = False,
) -> Process:
    """Run the module as a program; ``output`` are the files for stdout and stderr."""
    if cold or os.environ.get("ARPCHECK_COLD") or "PYTEST_VERSION" not in os.environ:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=cwd,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output[0],
            stderr=output[1],
        )
    # A Connection is what multiprocessing hands over as an open file.
    files = [Connection(os.dup(file), readable=False) for file in output]
    told = (module, arguments, dict(environment), str(cwd), files)
    process = _forks.Process(target=_become, args=told, daemon=True)
    try:
        await asyncio.to_thread(process.start)
    finally:
        for file in files:
            file.close()
    return Forked(process)


def _become(
    module: str,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    cwd: str,
    files: list[Connection],
) -> None:
    """Turn this process into what ``python -m`` would have made."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for number, file in enumerate(files, start=1):
        os.dup2(file.fileno(), number)
        file.close()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
