"""The bot as a process: wrong settings, signals, lost connections, forged requests, its log."""

import asyncio
import hashlib
import hmac
import io
import json
import subprocess
import sys
import time
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.edges.jobs_lab import until
from tests.flow.bot_process import (
    ROOT,
    bot_env,
    bot_process,
    posted,
    running_bot,
    whisper,
)
from tests.lab.ports import free_port
from tests.lab.redis import RedisServer
from tests.lab.slack import SlackTwin
from workers.jobs import Jobs

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])

GIVEN_UP_SECONDS = 20  # left to themselves, slack_sdk and aiohttp wait for 25 at the least


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "told"),
    [
        (
            {},
            [
                "→ OAuth & Permissions → Bot User OAuth Token",
                "→ Basic Information → App-Level Tokens; the other comes from api.slack.com/apps",
            ],
        ),
        (
            {"SLACK_BOT_TOKEN": "xoxp-1", "SLACK_APP_TOKEN": "xoxb-1", "REDIS_URL": "http://r"},
            ["SLACK_BOT_TOKEN should", "SLACK_APP_TOKEN should", "REDIS_URL should"],
        ),
        (
            {
                "SLACK_BOT_TOKEN": "xoxb-1",
                "SLACK_SIGNING_SECRET": "s",
                "PORT": "http",
                "ARPCHECK_CHANNELS": "#incident",
                "ARPCHECK_USERS": "*,@alice",
            },
            ["PORT=", "'#incident'", "'*'", "'@alice'"],
        ),
    ],
)
def test_wrong_settings_are_told_a_line_each(env: dict[str, str], told: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert len(lines) == len(told)
    for words in told:
        assert any(words in line for line in lines)


async def test_a_token_that_slack_does_not_know_ends_it(redis_url: str) -> None:
    async with SlackTwin() as slack:
        env = bot_env(slack, redis_url, SLACK_BOT_TOKEN="xoxb-unknown")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", cwd=ROOT, env=env, stderr=asyncio.subprocess.PIPE
        )
        _, told = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 2
        assert b"invalid_auth" in told
        assert b"xoxb" not in told


# --- signals and connections -------------------------------------------------------------------


@MODES
async def test_sigterm_finishes_what_is_in_hand(redis_url: str, jobs: Jobs, *, http: bool) -> None:
    async with running_bot(redis_url, http=http) as (slack, bot):
        slack.fail("chat.postMessage", 1, "slow", seconds=1)
        await slack.slash("app01")
        await slack.wait_for(lambda: slack.deliveries.sent[-1].acks)
        assert await bot.stop() == 0
        await posted(slack)
        lease = await jobs.claim("w1", 5)
        assert lease is not None
        assert lease.job.thread.root_ts
        await lease.finish({"outcome": "done"})
        assert not [line for line in bot.lines if "Traceback" in line or "Unclosed" in line]


async def test_it_waits_for_a_slack_that_is_away(redis_url: str) -> None:
    slack = SlackTwin(port=free_port())
    env = bot_env(slack, redis_url, SLACK_API_URL=f"http://127.0.0.1:{slack.port}/api/")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", cwd=ROOT, env=env)
    await asyncio.sleep(0)
    async with slack:
        await slack.connected(timeout=30)
        await slack.slash("app01")
        await posted(slack)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_dropped_socket_is_opened_again(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, _):
        await slack.socket.refresh()
        await slack.connected()
        await slack.slash("app01")
        await posted(slack)
        await slack.socket.drop()
        await slack.wait_for(lambda: not slack.socket.connections)
        await slack.connected(timeout=30)
        await slack.slash("app02")
        await slack.wait_for(lambda: len(slack.messages()) == 2)


@pytest.mark.parametrize("step", ["asking for the address", "opening the connection"])
async def test_what_slack_left_unanswered_while_it_stood_still_is_given_up_soon(
    redis_url: str, step: str
) -> None:
    async with running_bot(redis_url) as (slack, _):
        if step == "asking for the address":
            slack.fail("apps.connections.open", 1, "timeout")
        else:
            slack.socket.unanswered = 1
        await slack.socket.drop()
        await slack.wait_for(lambda: not slack.socket.connections)
        await slack.connected(timeout=GIVEN_UP_SECONDS)


async def test_several_bots_share_the_work(redis_url: str, jobs: Jobs) -> None:
    async with running_bot(redis_url) as (slack, _):
        async with bot_process(bot_env(slack, redis_url)):
            await slack.connected(2)
            slack.redeliver_next(6)
            await asyncio.gather(*(slack.slash(f"app0{number}") for number in range(6)))
            await slack.wait_for(lambda: len(slack.messages()) == 6)
        await slack.wait_for(lambda: len(slack.socket.connections) == 1)
        await slack.slash("app09")
        await slack.wait_for(lambda: len(slack.messages()) == 7)
        assert len(await jobs.open_jobs()) == 7


async def test_redis_away_is_one_clear_sentence(own_redis: RedisServer) -> None:
    async with running_bot(own_redis.url) as (slack, _):
        own_redis.stop()
        typed = await slack.slash("app01")
        assert typed.delivery.ack.ok
        await whisper(slack, "queue (Redis) does not answer")
        assert slack.messages() == []


async def test_redis_going_away_in_the_middle_is_told_in_the_message(
    own_redis: RedisServer,
) -> None:
    async with running_bot(own_redis.url) as (slack, _):
        slack.fail("chat.postMessage", 1, "slow", seconds=1)
        await slack.slash("app01")
        await until(lambda: bool(slack.api.faults.struck))
        own_redis.stop()
        await slack.wait_for(lambda: [m for m in slack.messages() if "stopped answering" in m.text])


# --- forged requests ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["wrong_signatures", "old_timestamps"])
async def test_a_forged_or_replayed_request_does_nothing(
    redis_url: str, jobs: Jobs, how: str
) -> None:
    async with running_bot(redis_url, http=True) as (slack, bot):
        setattr(slack.http, how, 1)
        typed = await slack.slash("app01")
        assert not typed.delivery.ack.ok
        await bot.said("refused an unsigned")
        assert "/respond/" not in "".join(bot.lines)
        assert slack.messages() == []
        assert await jobs.open_jobs() == ()
        await slack.slash("app01")
        await posted(slack)


async def test_junk_on_the_port_does_no_harm(redis_url: str) -> None:

    async with running_bot(redis_url, http=True) as (slack, _):
        url = str(slack.http.request_url)
        async with aiohttp.ClientSession() as session:
            for body in (
                b"",
                b"\xff\xfe",
                b"payload={",
                b"[" * 100_000,
                io.BytesIO(b"x" * 2_000_000),
            ):
                async with session.post(url, data=body) as answer:
                    assert 400 <= answer.status < 500
            signed = {"payload": json.dumps({"type": "block_actions", "actions": [{}]})}
            text = urlencode(signed)
            at = str(int(time.time()))
            digest = hmac.new(
                slack.signing_secret.encode(), f"v0:{at}:{text}".encode(), hashlib.sha256
            ).hexdigest()
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Slack-Request-Timestamp": at,
                "X-Slack-Signature": f"v0={digest}",
            }
            async with session.post(url, data=text, headers=headers) as answer:
                assert answer.status in {200, 404, 500}
        await slack.slash("app01")
        await posted(slack)


# --- the log -----------------------------------------------------------------------------------


async def test_the_log_is_json_without_secrets_and_cannot_be_forged(redis_url: str) -> None:
    async with running_bot(redis_url) as (slack, bot):
        await slack.slash('"app01 {\\"level\\":\\"x\\"}"')
        await posted(slack)
        slack.fail("chat.postMessage", 2, "no_such_error")
        await slack.slash("app02")
        await whisper(slack, "no_such_error")
        await slack.socket.drop()
        await slack.connected()
        await bot.stop()
        records = bot.records()  # every line parses
        assert any(record.get("audit", {}).get("event") == "asked" for record in records)
        log = "".join(bot.lines)
        for secret in (slack.bot_token, slack.app_token, "/respond/", "ticket="):
            assert secret not in log


async def test_health_and_metrics(redis_url: str) -> None:
    port = free_port()
    async with running_bot(redis_url, ARPCHECK_METRICS_PORT=str(port)) as (slack, _):
        await slack.slash("app01")
        await posted(slack)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                assert answer.status == 200
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert 'arpcheck_commands_total{answer="queued",kind="check"} 1.0' in (
                    await answer.text()
                )
