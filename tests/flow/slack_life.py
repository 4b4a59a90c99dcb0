"""A lab with both processes that many tests share: each test gets a channel of its own to read back."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.lab.lab import Lab, Program, bot_and_worker
from tests.lab.slack import ALICE, BOB, BOT_USER, CARO, MALLORY, Channel, File, Message, View
from tests.lab.world import Asking
from workers.jobs import Jobs

T = TypeVar("T")

ANSWER_SECONDS = 30
GATEWAY = "10.20.110.1"
EAGER = 0.1
"""How often the lab's guests ask: enough is asked within a second of listening."""

EVERYONE = (ALICE, BOB, CARO, MALLORY)


class Life:
    """What people do in a running lab, and what they see of it."""

    def __init__(
        self, lab: Lab, programs: tuple[Program, ...], environment: dict[str, str]
    ) -> None:
        self.lab = lab
        self.slack = lab.slack
        self.programs = programs
        self.environment = environment
        self._numbers = itertools.count(1)

    def channel(self, kind: str = "public", *, bot: bool = True) -> str:
        """A new channel with everyone in it."""
        number = next(self._numbers)
        members = [*EVERYONE, *([BOT_USER] if bot else [])]
        made = Channel(f"C9LIFE{number:03d}", f"life-{number}", kind, members)
        self.slack.space.channels[made.id] = made
        return made.id

    async def root(self, channel: str, number: int = 1) -> Message:
        """The channel's newest message of the bot, once it has so many."""

        def found() -> Message | None:
            roots = [m for m in self.slack.messages(channel) if m.bot_id]
            return roots[-1] if len(roots) >= number else None

        return await self.until(found)

    async def ended(self, root: Message) -> Message:
        """The root message once its last state is shown: it has no button any more."""
        await self.until(lambda: not _has_buttons(root))
        return root

    async def verdict(self, root: Message, bundles: int = 1) -> dict[str, Any]:
        """``report.json`` and ``case.json`` once the root is closed and the files stand there."""
        await self.ended(root)
        await self.until(lambda: len(self.bundles(root.channel)) >= bundles)
        await self.over(root)  # the next test's same question would join this check
        return self._evidence(root.channel)

    async def asked(self, text: str, channel: str = "", user: str = ALICE) -> Message:
        """Type a command in a channel, a new one by default; the root message that appears."""
        channel = channel or self.channel()
        count = len(self.slack.messages(channel))
        await self.slack.slash(text, user=user, channel=channel)
        return await self.root(channel, count + 1)

    async def over(self, root: Message) -> None:
        """Wait until no job of this message's channel is open: who asks next starts a new check."""
        jobs = Jobs(self.lab.redis_url)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while root.channel in await _open_in(jobs):  # noqa: ASYNC110 - Redis tells no one
                    await asyncio.sleep(0.02)
        finally:
            await jobs.close()

    def replies(self, root: Message) -> list[Message]:
        """What stands in a message's thread."""
        thread = self.slack.thread(root.channel, root.ts)
        return [m for m in thread if m.ts != root.ts]

    async def reply(self, root: Message, words: str) -> Message:
        """The thread's newest message with these words."""

        def found() -> Message | None:
            said = [m for m in self.replies(root) if words in m.text or words in str(m.blocks)]
            return said[-1] if said else None

        return await self.until(found)

    async def whisper(self, words: str, channel: str, user: str = ALICE) -> Message:
        """What only this person sees in the channel, with these words."""

        def found() -> Message | None:
            said = [m for m in self.slack.ephemerals(user, channel) if words in m.text]
            return said[-1] if said else None

        return await self.until(found)

    async def dialog(self, words: str, user: str = ALICE) -> View:
        """The dialog that the person has open, once these words stand in it; it is closed then."""

        def found() -> View | None:
            view = self.slack.view_of(user)
            return view if view is not None and words in str(view.body) else None

        view = await self.until(found)
        await self.slack.people.close_view(view)
        return view

    def bundles(self, channel: str) -> list[File]:
        """The bundles that a channel got."""
        files = [file for file in self.slack.files if file.name.endswith(".zip")]
        return [file for file in files if channel in file.shares]

    def _evidence(self, channel: str) -> dict[str, Any]:
        content = self.slack.file_bytes(self.bundles(channel)[-1].id)
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            return {name: json.loads(bundle.read(f"{name}.json")) for name in ("report", "case")}

    def capture_lines(self) -> list[str]:
        """The command line of every capture that was ever started on any host."""
        lines = [logged.line for twin in self.lab.esxi.values() for logged in twin.commands]
        return [line for line in lines if "pktcap-uw" in line and "--capture" in line]

    async def captures(self, at_least: int = 1) -> None:
        """Wait until so many captures run."""
        await self.lab.settled(lambda: len(self.lab.captures_alive()) >= at_least)

    async def quiet(self) -> None:
        """Wait until no capture runs."""
        await self.lab.settled(lambda: not self.lab.captures_alive())

    async def until(self, found: Callable[[], T | None]) -> T:
        """Wait for something that people see; where it does not come, show what they saw."""
        try:
            return await self.slack.wait_for(found, timeout=ANSWER_SECONDS)
        except TimeoutError:
            logs = [program.output()[-2000:] for program in self.programs]
            pytest.fail("\n\n".join([*self._seen(), *logs]))

    def _seen(self) -> list[str]:
        said = [m for place in self.slack.space.channels.values() for m in place.messages[-4:]]
        return [self.slack.as_text(message) for message in said]


async def _open_in(jobs: Jobs) -> set[str]:
    return {record.job.thread.channel for record in await jobs.open_jobs()}


def _has_buttons(message: Message) -> bool:
    return any(block["type"] == "actions" for block in message.blocks)


def button_labels(message: Message) -> list[str]:
    """The labels of a message's buttons."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row]


@asynccontextmanager
async def life(
    folder: Path, *, without: Collection[str] = (), **settings: str
) -> AsyncIterator[Life]:
    """A lab whose guests ask often, with bot and worker, several checks on a host at a time.

    ``without`` are methods of the Web API that this Slack does not know.
    """
    async with Lab(folder) as lab:
        for method in without:
            del lab.slack.api.methods[method]
        lab.world.vm("app01").asks = [Asking(GATEWAY, EAGER)]
        lab.world.vm("web02").asks = [Asking(GATEWAY, EAGER)]
        settings = {"HOST_JOBS": "8", **settings}
        programs = await bot_and_worker(lab, **settings)
        yield Life(lab, programs, lab.environment(**settings))
        await lab.settled(lambda: not lab.captures_alive())
        stopped = await asyncio.gather(*(program.stop() for program in lab.programs))
        assert set(stopped) == {0}
        assert "Traceback" not in "".join(program.output() for program in lab.programs)
