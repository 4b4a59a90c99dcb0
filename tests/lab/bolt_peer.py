"""An app built with slack_bolt in, the same app connected to the twin out, by socket or by HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.slack import SlackTwin

Way = Callable[[SlackTwin, AsyncApp], AbstractAsyncContextManager[None]]


def new_app(twin: SlackTwin) -> AsyncApp:
    client = AsyncWebClient(twin.bot_token, base_url=twin.api_url)
    return AsyncApp(client=client, signing_secret=twin.signing_secret)


@asynccontextmanager
async def by_socket(twin: SlackTwin, app: AsyncApp) -> AsyncIterator[None]:
    """Connect one more Socket Mode client for ``app``."""
    count = len(twin.socket.connections)
    client = AsyncWebClient(base_url=twin.api_url)
    handler = AsyncSocketModeHandler(app, twin.app_token, web_client=client)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await twin.connected(count + 1)
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def by_http(twin: SlackTwin, app: AsyncApp) -> AsyncIterator[None]:
    """Serve ``app`` on a port and make it the twin's request URL."""

    async def handle(request: web.Request) -> web.Response:
        headers: dict[str, str | Sequence[str]] = dict(request.headers)
        call = AsyncBoltRequest(body=await request.text(), headers=headers)
        answer = await app.async_dispatch(call)
        kind = str(answer.first_headers().get("content-type", "text/plain")).split(";")[0]
        return web.Response(status=answer.status, text=answer.body, content_type=kind)

    server = web.Application()
    server.router.add_post("/slack/events", handle)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    twin.http.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
    finally:
        await runner.cleanup()


WAYS = pytest.mark.parametrize("way", [by_socket, by_http])
