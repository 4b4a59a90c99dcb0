"""A started ESXi twin with what tests need to talk to it and to read what it streams."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncssh

from tests.lab.esxi import EsxiTwin
from tests.lab.network import Network
from tests.lab.world import Asking, World, small_world

HOST = "esx07.example.com"
APP = bytes.fromhex("0050569a2101")
READY = rb"Vsock connection from port \d+ cid \d+"
CAPTURE = "pktcap-uw --uplink vmnic1 --capture UplinkSndKernel --ethtype 0x0806 -s 0 -o -"
BOUNDED = f'echo "PID $$" >&2; exec timeout -t 20 -s INT {CAPTURE}'
Process = asyncssh.SSHClientProcess[bytes]


@dataclass
class Lab:
    world: World
    network: Network
    twin: EsxiTwin

    def behave(self, *names: str) -> None:
        self.world.host(HOST).behaviours = set(names)

    async def connect(self, **more: object) -> asyncssh.SSHClientConnection:
        options: dict[str, object] = {
            "username": "root", "client_keys": [asyncssh.import_private_key(self.twin.client_key)],
            "known_hosts": asyncssh.import_known_hosts(self.twin.host_key), "config": None,
        }  # fmt: skip
        options |= more
        return await asyncssh.connect("127.0.0.1", self.twin.port, **options)

    async def run(self, line: str, stdin: str = "") -> tuple[int | None, str, str]:
        async with await self.connect() as connection:
            done = await asyncio.wait_for(connection.run(line, input=stdin, errors="replace"), 10)
        return done.exit_status, str(done.stdout), str(done.stderr)


@asynccontextmanager
async def open_lab() -> AsyncIterator[Lab]:
    """A small world whose app01 asks twenty times a second."""
    world = small_world()
    world.vm("app01").asks = [Asking("10.20.110.1", interval=0.05)]
    network = Network(world)
    twin = EsxiTwin(world, network, HOST)
    await network.start()
    await twin.start()
    try:
        yield Lab(world, network, twin)
    finally:
        await twin.stop()
        await network.stop()


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (the world's values have no events)
            await asyncio.sleep(0.005)


async def begin(connection: asyncssh.SSHClientConnection, line: str) -> Process:
    return await connection.create_process(line, encoding=None)


async def read_until(reader: asyncssh.SSHReader[bytes], pattern: bytes) -> bytes:
    text = b""
    async with asyncio.timeout(5):
        while not re.search(pattern, text):
            part = await reader.read(4096)
            assert part, f"ended before {pattern!r}: {text!r}"
            text += part
    return text


def packets(stream: bytes) -> list[bytes]:
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", stream)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 1)
    found, at = [], 24
    while at < len(stream):
        kept, length = struct.unpack_from("<II", stream, at + 8)
        found.append(stream[at + 16 : at + 16 + kept])
        assert kept <= length
        at += 16 + kept
    assert at == len(stream)
    return found
