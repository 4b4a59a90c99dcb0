"""A page's address in, a real Chromium that shows it out: scripts run in it, pictures taken of it."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
]


def chromium() -> str | None:
    """Give the path of the browser, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass
class Browser:
    """One tab, spoken to in the DevTools protocol; ``complaints`` are uncaught errors of the page."""

    socket: aiohttp.ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    _calls: int = 0

    async def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._calls += 1
        await self.socket.send_json({"id": self._calls, "method": method, "params": parameters})
        while True:
            answer = await self.socket.receive_json(timeout=30)
            if answer.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(answer["params"]["exceptionDetails"]))
            if answer.get("id") == self._calls:
                result: dict[str, Any] = answer["result"]
                return result

    async def show(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:  # noqa: ANN401 - any JSON
        """Give the value of a JavaScript expression, awaited where it is a promise."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait, a drawn frame at a time, until a JavaScript condition holds; TimeoutError after 10 s."""
        wait = f"""new Promise((done) => {{
            const started = performance.now();
            const look = () => {{
                let holds = false;
                try {{ holds = Boolean({condition}); }} catch {{ holds = false; }}
                if (holds || performance.now() - started > 10000) done(holds);
                else requestAnimationFrame(look);
            }};
            look();
        }})"""
        if not await self.run(wait):
            raise TimeoutError(condition)

    async def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        await self.call("Emulation.setDeviceMetricsOverride", mobile=False, **size)

    async def picture(self) -> bytes:
        """Give what the tab shows, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def open_browser(
    path: str, *, width: int = 1500, height: int = 1000
) -> AsyncIterator[Browser]:
    """Start Chromium with an empty profile and end it afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(path, *FLAGS, f"--user-data-dir={profile}", "about:blank"),
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            port = await asyncio.wait_for(_port(process), 30)
            base = f"http://127.0.0.1:{port}"
            async with aiohttp.ClientSession(base) as session, session.get("/json") as answer:
                tab = next(tab for tab in await answer.json() if tab["type"] == "page")
                address = tab["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    browser = Browser(socket)
                    await browser.call("Runtime.enable")
                    await browser.resize(width, height)
                    yield browser
        finally:
            process.terminate()
            await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        found = re.search(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line)
        if found:
            return int(found[1])
    raise RuntimeError("Chromium ended before it listened")
