"""Settings turned into a running Bolt app: over a WebSocket (Socket Mode) or HTTP, until a signal."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

import handlers
from bot.settings import BotSettings, read_bot_settings
from handlers.access import Access
from handlers.desk import Desk
from workers import health, log
from workers.errors import QueueUnreachable, SettingsError, SlackRefused, SlackUnreachable
from workers.jobs import Jobs
from workers.settings import environment
from workers.slack import Slack

EVENTS_PATH = "/slack/events"
GRACE_SECONDS = 8.0
"""How long handlers may finish after SIGTERM; process managers mostly kill after 10 s."""
ANSWER_SECONDS = 0.1
"""Bolt looks for a handler's ack every 10 ms and sends it then."""
LOOK_SECONDS = 5.0
PING_SECONDS = 5.0
"""How long a dead WebSocket may go unnoticed."""
CONNECT_SECONDS, LONGEST_CONNECT_SECONDS = 5, 30
"""How long Slack may take to give the WebSocket's address, at first and in the end."""

HANDSHAKE_SECONDS = 7
"""How long it may take to open the WebSocket there."""

_ADDRESS = re.compile(r"\b(wss?|https?)://[^\s'\")]+")

logger = logging.getLogger("arpcheck.bot")


def main() -> int:
    """Run the bot; 2 = the settings are wrong."""
    try:
        settings = read_bot_settings(environment())
        log.set_up(settings.secrets())
        asyncio.run(run(settings))
    except SettingsError as wrong:
        for problem in wrong.problems:
            print(f"arpcheck bot: {problem}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


async def run(settings: BotSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in hand.

    Raises:
        SettingsError: Slack does not know the token.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        slack = Slack(settings.slack_bot_token, settings.slack_api_url)
        stack.push_async_callback(slack.close)
        jobs = Jobs(settings.redis_url)
        stack.push_async_callback(jobs.close)
        if settings.metrics_port:
            await stack.enter_async_context(health.serve(settings.metrics_port, lambda: look(jobs)))
        identity = await _identity(slack, stop)
        if identity is None or not await _may_connect(slack, settings.slack_app_token, stop):
            return
        desk = Desk(slack, jobs, Access(slack, settings.channels, settings.users))
        desk.bot_user = identity.bot_user_id or ""
        app = make_app(settings, slack, identity)
        handlers.register(app, desk)
        stack.push_async_callback(desk.idle, GRACE_SECONDS)
        await stack.enter_async_context(desk.accepted.looked_after())
        await stack.enter_async_context(_connected(app, settings, slack, stop))
        await _serve(desk, stop)


async def _serve(desk: Desk, stop: asyncio.Event) -> None:
    """Let the handlers work until told to stop, and finish what they have in hand."""
    logger.info("ready")
    await stop.wait()
    logger.info("stopping")
    await desk.idle(GRACE_SECONDS)
    await asyncio.sleep(ANSWER_SECONDS)


def make_app(settings: BotSettings, slack: Slack, identity: AuthorizeResult) -> AsyncApp:
    """A Bolt app that speaks through our own Slack client and asks Slack nothing per request."""

    async def authorize() -> AuthorizeResult:
        return identity

    return AsyncApp(
        logger=_quiet_logger(),
        client=slack.client,
        signing_secret=settings.slack_signing_secret,
        authorize=authorize,
        request_verification_enabled=True,
    )


def _quiet_logger() -> logging.Logger:
    """Bolt's logger: errors only, and never the address of anything.

    Its lesser lines hold whole payloads, with the answer addresses in them; its errors hold the
    WebSocket's address with the ticket that opens it.
    """
    quiet = logging.getLogger("slack_bolt")
    quiet.setLevel(logging.ERROR)
    quiet.addFilter(_without_addresses)
    return quiet


def _without_addresses(record: logging.LogRecord) -> bool:
    record.msg = _ADDRESS.sub(r"\1://…", record.getMessage())
    record.args = ()
    record.exc_info = None  # the message has its text already
    return True


async def look(jobs: Jobs) -> health.Health:
    """What a probe is told: whether Redis answers, and how much waits there."""
    try:
        depth = await jobs.depth()
    except QueueUnreachable as trouble:
        return health.Health(problems=(trouble.sentence,))
    return health.Health((), depth.waiting, depth.running, depth.oldest_seconds)


async def _identity(slack: Slack, stop: asyncio.Event) -> AuthorizeResult | None:
    """Who the bot is; waits for a Slack that does not answer. None = told to stop meanwhile."""
    while not stop.is_set():
        try:
            known = await slack.identity()
        except SlackRefused as refused:
            if refused.is_about_token:
                problem = f"SLACK_BOT_TOKEN: Slack does not take it ({refused.reason})"
                raise SettingsError([problem]) from None
            logger.warning("Slack does not say who the bot is. %s", refused.sentence)
            known = {}
        except SlackUnreachable as trouble:
            logger.warning("%s Trying again.", trouble.sentence)
            await _pause(stop, LOOK_SECONDS)
            continue
        return AuthorizeResult(
            enterprise_id=known.get("enterprise_id"),
            team_id=known.get("team_id"),
            bot_id=known.get("bot_id"),
            bot_user_id=known.get("user_id"),
            bot_token=slack.client.token,
        )
    return None


async def _may_connect(slack: Slack, app_token: str, stop: asyncio.Event) -> bool:
    """Whether Socket Mode will work, where it is wanted: slack_sdk tries a wrong token for ever."""
    while app_token and not stop.is_set():
        try:
            await slack.try_socket_mode(app_token)
        except SlackRefused as refused:
            if refused.reason.startswith("http_"):  # a gateway's answer, not Slack's
                logger.warning("%s Is SLACK_API_URL right? Trying again.", refused.sentence)
                await _pause(stop, LOOK_SECONDS)
                continue
            problem = f"SLACK_APP_TOKEN: Slack opens no Socket Mode with it ({refused.reason})"
            raise SettingsError([problem]) from None
        except SlackUnreachable as trouble:
            logger.warning("%s Trying again.", trouble.sentence)
            await _pause(stop, LOOK_SECONDS)
            continue
        return True
    return not stop.is_set()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


@asynccontextmanager
async def _connected(
    app: AsyncApp, settings: BotSettings, slack: Slack, stop: asyncio.Event
) -> AsyncIterator[None]:
    if settings.slack_app_token:
        async with _socket(app, settings.slack_app_token, slack, stop):
            yield
    else:
        async with _http(app, settings.port):
            yield


@asynccontextmanager
async def _socket(
    app: AsyncApp, app_token: str, slack: Slack, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Socket Mode: outbound only; Slack gives each payload to one of the app's connections."""
    handler = await _handler(app, app_token, slack)
    tasks = {
        asyncio.create_task(handler.connect_async()),  # type: ignore[no-untyped-call]
        asyncio.create_task(_renew(handler)),
        asyncio.create_task(stop.wait()),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _handler(app: AsyncApp, app_token: str, slack: Slack) -> AsyncSocketModeHandler:
    """Bolt's handler, with both steps of connecting given up soon where they are not answered.

    What was asked while Slack stood still may stay unanswered when it is back; slack_sdk and aiohttp
    would wait for it for half a minute and for five.
    """
    asking = slack.another_client(CONNECT_SECONDS)
    handler = AsyncSocketModeHandler(app, app_token, web_client=asking, ping_interval=PING_SECONDS)
    await handler.client.aiohttp_client_session.close()
    timeout = aiohttp.ClientTimeout(
        total=2 * CONNECT_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=HANDSHAKE_SECONDS
    )
    handler.client.aiohttp_client_session = aiohttp.ClientSession(timeout=timeout)
    return handler


async def _renew(handler: AsyncSocketModeHandler) -> None:
    """Forget the WebSocket's address while there is no connection.

    slack_sdk's client keeps trying the address it has, and Slack's addresses work once only. Where
    it lasts, Slack may be slow: each time it is given some seconds more.
    """
    asking = handler.client.web_client
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await handler.client.is_connected():
            asking.timeout = CONNECT_SECONDS
        else:
            handler.client.wss_uri = None
            asking.timeout = min(asking.timeout + 3, LONGEST_CONNECT_SECONDS)


@asynccontextmanager
async def _http(app: AsyncApp, port: int) -> AsyncIterator[None]:
    """HTTP: Bolt checks signature and age of every request before any handler sees it."""

    async def receive(request: web.Request) -> web.Response:
        try:
            asked = await to_bolt_request(request)
        except ValueError:  # neither text nor JSON: nothing that Slack would send
            return web.Response(status=400)
        answer = await app.async_dispatch(asked)
        if answer.status == web.HTTPUnauthorized.status_code:
            # Only logged: a flood of forged requests must not push the audit's entries out.
            logger.warning("refused an unsigned or too old request from %s", request.remote)
        return await to_aiohttp_response(answer)

    async def certify(request: web.Request) -> web.Response:
        """Slack looks at the certificate now and then, with a GET that nobody signs."""
        return web.Response(status=200 if request.query.get("ssl_check") == "1" else 405)

    server = web.Application()
    server.add_routes([web.post(EVENTS_PATH, receive), web.get(EVENTS_PATH, certify)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", port).start()  # noqa: S104  (Slack comes from outside)
        logger.info("listening on port %d, path %s", port, EVENTS_PATH)
        yield
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    sys.exit(main())
