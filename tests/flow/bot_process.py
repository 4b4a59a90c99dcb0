"""The bot as its own process, as an operator starts it, with hands of people and of a worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.lab.ports import free_port
from tests.lab.slack import ALICE, INCIDENT, SlackTwin, View
from tests.lab.slack import Message as Shown
from tests.lab.start import Process, start
from workers.arp.model import Job
from workers.arp.summary import Message
from workers.arp.summary.blocks import actions, button, section
from workers.jobs import Jobs, Lease
from workers.slack import Slack

ROOT = Path(__file__).parents[2]
START_SECONDS = 20


def bot_env(twin: SlackTwin, redis_url: str, *, port: int = 0, **more: str) -> dict[str, str]:
    """The environment of an operator; ``port`` 0 = Socket Mode."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    mode = (
        {"SLACK_SIGNING_SECRET": twin.signing_secret, "PORT": str(port)}
        if port
        else {"SLACK_APP_TOKEN": twin.app_token}
    )
    return {
        **kept,
        "SLACK_BOT_TOKEN": twin.bot_token,
        "SLACK_API_URL": twin.api_url,
        "REDIS_URL": redis_url,
        "ARPCHECK_CHANNELS": "*",
        "PYTHONUNBUFFERED": "1",
        **mode,
        **more,
    }


class BotProcess:
    """A running bot; ``lines`` is all it wrote to stdout so far."""

    def __init__(self, process: Process, stdout: asyncio.StreamReader) -> None:
        self.process = process
        self.lines: list[str] = []
        self._grew = asyncio.Event()
        self._reading = asyncio.create_task(self._read(stdout))

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            self.lines.append(line.decode())
            self._grew.set()
        self._grew.set()

    async def said(self, words: str) -> str:
        """Wait for a line with these words."""
        async with asyncio.timeout(START_SECONDS):
            while True:
                self._grew.clear()
                found = next((line for line in self.lines if words in line), None)
                if found is not None:
                    return found
                assert not self._reading.done(), f"the bot ended: {''.join(self.lines)}"
                await self._grew.wait()

    def records(self) -> list[dict[str, Any]]:
        """The log, each line of which must be one JSON object."""
        return [json.loads(line) for line in self.lines]

    async def stop(self) -> int:
        """SIGTERM, as a process manager does; returns the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(START_SECONDS):
            status = await self.process.wait()
            await self._reading
        return status


@asynccontextmanager
async def bot_process(env: Mapping[str, str]) -> AsyncIterator[BotProcess]:
    """Start the bot and wait until it is ready; it is stopped at the end, whatever happens."""
    ours, theirs = os.pipe()
    stdout = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stdout), os.fdopen(ours, "rb", buffering=0)
    )
    try:
        process = await start("bot", environment=env, output=(theirs, sys.stderr.fileno()))
    finally:
        os.close(theirs)
    bot = BotProcess(process, stdout)
    try:
        await bot.said('"ready"')
        yield bot
    finally:
        await bot.stop()
        pipe.close()


@asynccontextmanager
async def running_bot(
    redis_url: str, *, http: bool = False, **more: str
) -> AsyncIterator[tuple[SlackTwin, BotProcess]]:
    """A Slack twin and a bot connected to it, over Socket Mode or HTTP."""
    port = free_port() if http else 0
    async with SlackTwin() as twin, bot_process(bot_env(twin, redis_url, port=port, **more)) as bot:
        if http:
            twin.http.request_url = f"http://127.0.0.1:{port}/slack/events"
        else:
            await twin.connected()
        yield twin, bot


def root_of(twin: SlackTwin, channel: str = INCIDENT) -> Shown | None:
    """The first message of the bot in the channel."""
    return next((message for message in twin.messages(channel) if message.bot_id), None)


async def posted(twin: SlackTwin, channel: str = INCIDENT) -> Shown:
    """Wait for the first message of the bot in the channel."""
    await twin.wait_for(lambda: root_of(twin, channel))
    message = root_of(twin, channel)
    assert message is not None
    return message


async def whisper(twin: SlackTwin, words: str, user: str = ALICE) -> Shown:
    """Wait for what only this person sees, with these words in it; the newest such."""

    def found() -> list[Shown]:
        return [message for message in twin.ephemerals(user) if words in message.text]

    return (await twin.wait_for(found))[-1]


async def dialog(slack: SlackTwin, title: str = "", user: str = ALICE) -> View:
    """Wait for a dialog that is filled."""

    def shown() -> list[View]:
        view = slack.view_of(user)
        filled = view is not None and "submit" in view.body and title in str(view.body)
        return [view] if view is not None and filled else []

    return (await slack.wait_for(shown))[0]


async def claimed(jobs: Jobs) -> Lease:
    lease = await jobs.claim("w1", 10)
    assert lease is not None
    return lease


async def say(slack: SlackTwin, job: Job, message: Message) -> Shown:
    """Post as the worker does, in the check's thread; returns the message people see."""
    edge = Slack(slack.bot_token, slack.api_url)
    root = job.thread.thread_ts or job.thread.root_ts
    ts = await edge.post(job.thread.channel, message, thread_ts=root, key=f"{job.id}:test")
    await edge.close()
    shown = slack.space.message(job.thread.channel, ts)
    assert shown is not None
    return shown


def buttons(job: Job, *names: str) -> Message:
    return Message("done", (section("done"), actions([button(n, n, job.id) for n in names])))
