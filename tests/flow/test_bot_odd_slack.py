"""The bot against a Slack that answers, connects and delivers otherwise than ours mostly does."""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.flow.bot_process import ROOT, bot_env, bot_process, posted, running_bot, whisper
from tests.lab.slack import ALICE, BOB, BOT_USER, INCIDENT, SlackTwin
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


# --- connecting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "enabled", "reason"),
    [("xapp-1-other", True, "invalid_auth"), ("", False, "socket_mode_not_enabled")],
)
async def test_socket_mode_that_cannot_work_is_a_wrong_setting(
    redis_url: str, token: str, reason: str, *, enabled: bool
) -> None:
    async with SlackTwin() as slack:
        slack.socket.enabled = enabled
        env = bot_env(slack, redis_url) | ({"SLACK_APP_TOKEN": token} if token else {})
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", cwd=ROOT, env=env, stderr=asyncio.subprocess.PIPE
        )
        _, told = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 2
        assert told.decode().splitlines() == [
            f"arpcheck bot: SLACK_APP_TOKEN: Slack opens no Socket Mode with it ({reason})"
        ]


async def test_a_gateway_in_between_is_waited_for(redis_url: str) -> None:
    async with SlackTwin() as slack:
        for method in ("auth.test", "apps.connections.open"):
            slack.fail(method, 1, "http404")
        async with bot_process(bot_env(slack, redis_url)) as bot:
            await slack.connected()
            assert await bot.said("Is SLACK_API_URL right?")
            await slack.mention("app01")
            await slack.wait_for(
                lambda: [m for m in slack.space.channel(INCIDENT).messages if m.bot_id]
            )


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled"])
@pytest.mark.parametrize("close", [True, False])
async def test_it_connects_anew_whatever_the_reason(
    redis_url: str, reason: str, *, close: bool
) -> None:
    async with running_bot(redis_url) as (slack, _):
        (former,) = slack.socket.connections
        await slack.socket.refresh(reason, close=close)
        await slack.wait_for(
            lambda: slack.socket.connections and former not in slack.socket.connections, 30
        )
        await slack.slash("app01")
        await posted(slack)


async def test_it_connects_anew_once_slack_gives_an_address_again(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        for kind in ("http500", "html", "http404", "ratelimited", "some_new_error"):
            slack.fail("apps.connections.open", 1, kind)
        await slack.socket.refresh()
        await slack.connected(timeout=60)
        await slack.slash("app01")
        await posted(slack)


@pytest.mark.parametrize(
    "hello", [{"type": "hello"}, {"type": "hello", "num_connections": "1", "news": [{}]}]
)
async def test_any_hello_will_do(redis_url: str, hello: dict[str, Any]) -> None:
    async with running_bot(redis_url) as (slack, bot):
        slack.socket.hello = hello
        await slack.socket.refresh()
        await slack.connected()
        for connection in slack.socket.connections:
            await connection.socket.send_str("no JSON at all")
            await connection.socket.send_json({"type": "news", "payload": None})
        await slack.slash("app01")
        await posted(slack)
        assert "Traceback" not in "".join(bot.lines)


# --- what is delivered -------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("more", [{}, {"text": None}, {"is_new": {"a": [1]}, "text": "app01\n"}])
async def test_a_command_with_few_fields_or_many(
    redis_url: str, more: dict[str, Any], *, http: bool
) -> None:
    async with running_bot(redis_url, http=http) as (slack, bot):
        least = {"command": "/arpcheck", "user_id": ALICE, "channel_id": INCIDENT}
        if http:
            more = {name: str(value or "") for name, value in more.items()}
        done = await slack.deliveries.deliver("slash_commands", least | more)
        assert done.ack.ok
        if "app01" in str(more):
            assert "app01" in (await posted(slack)).text
        else:  # a dialog needs a trigger
            await whisper(slack, "did not open the dialog")
        assert "Traceback" not in "".join(bot.lines)


@MODES
async def test_an_event_with_few_fields(redis_url: str, jobs: Jobs, *, http: bool) -> None:
    async with running_bot(redis_url, http=http) as (slack, bot):
        said = slack.say(f"<@{BOT_USER}> app01")
        event = {"type": "app_mention", "user": ALICE, "channel": INCIDENT, "ts": said.ts}
        for text in (said.text, said.text, None):
            payload = {"type": "event_callback", "event": event | {"text": text}}
            await slack.deliveries.deliver("events_api", payload)
        await slack.wait_for(lambda: len(slack.thread(INCIDENT, said.ts)) == 2)
        assert len(await jobs.open_jobs()) == 1
        assert "Traceback" not in "".join(bot.lines)


# --- what HTTP asks besides --------------------------------------------------------------------


def signed(slack: SlackTwin, body: str, content_type: str) -> dict[str, str]:
    at = str(int(time.time()))
    base = f"v0:{at}:{body}".encode()
    digest = hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }


async def test_the_address_is_verified_and_its_certificate_looked_at(redis_url: str) -> None:
    async with running_bot(redis_url, http=True) as (slack, _):
        url = str(slack.http.request_url)
        body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB", "token": "x"})
        async with aiohttp.ClientSession() as session:
            headers = signed(slack, body, "application/json; charset=utf-8")
            async with session.post(url, data=body, headers=headers) as answer:
                assert answer.status == 200
                assert "3eZbrw1aB" in await answer.text()
            async with session.post(url, data=body, headers={**headers, **FORGED}) as answer:
                assert answer.status == 401
            async with session.post(url, data={"ssl_check": "1", "token": "x"}) as answer:
                assert answer.status == 200
            async with session.get(url, params={"ssl_check": "1", "token": "x"}) as answer:
                assert answer.status == 200
            async with session.get(url) as answer:
                assert answer.status == 405


FORGED: Mapping[str, str] = {"X-Slack-Signature": "v0=" + "0" * 64}


# --- what Slack answers ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["some_new_error", "invalid_metadata_format", "invalid_arguments"])
async def test_an_error_not_known_yet_costs_the_blocks_and_not_the_message(
    redis_url: str, kind: str
) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.fail("chat.postMessage", 1, kind)
        await slack.slash("app01")
        assert "app01" in (await posted(slack)).text


@pytest.mark.parametrize("kind", ["html", "http404"])
async def test_an_answer_that_is_no_json_is_told(redis_url: str, kind: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.fail("chat.postMessage", 9, kind)
        slack.fail("conversations.replies", 9, kind)
        await slack.slash("app01")
        await whisper(slack, "does not take its message" if kind == "html" else "http_404")


async def test_who_left_the_channel_is_answered_directly(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        slack.fail("chat.postEphemeral", 1, "user_not_in_channel")
        await slack.mention("help", user=BOB)
        (told,) = await slack.wait_for(lambda: slack.dms(BOB))
        assert "/arpcheck status" in told.text
