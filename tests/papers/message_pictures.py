"""Each kind of message drawn by a browser as a person in the channel sees it, one PNG a kind.

``python -m tests.papers.message_pictures FOLDER [WORD…]`` draws those whose name has one of the words;
it needs Chromium, and a font with emoji to be looked at with pleasure.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.arp import test_summary as summary
from tests.handlers import test_replies as replies
from tests.lab.browser import Browser, chromium, open_browser
from tests.lab.slack import ALICE, BOT_USER, NET_ONCALL, Channel, SlackTwin
from tests.lab.slack.workspace import APP, BOT
from tests.papers.thread_picture import HEIGHT, LOADED, ONLY_THE_THREAD, WHOLE_HEIGHT, WIDTH
from workers.arp.summary import Message, root_message, verdict_message


def kinds() -> Iterator[tuple[str, Message]]:
    """Every kind by the name of its golden file, and the longest verdict."""
    for code, judgement in summary.verdicts().items():
        yield f"verdict-{code}", summary.answer(judgement)
    yield "verdict-two-ends", summary.answer(summary.two_ended())
    long = summary.stretched(summary.two_ended())
    yield "longest", verdict_message(long, summary.LONGEST, network_channel=NET_ONCALL)
    for stage, progress in summary.PROGRESS.items():
        yield f"progress-{stage}", root_message(summary.JOB, progress)
    yield from summary.others().items()
    for kind, reply in replies.KINDS.items():
        yield f"reply-{kind}", reply


async def draw(folder: Path, words: Sequence[str]) -> None:
    browser = chromium()
    if browser is None:
        raise SystemExit("Chromium is needed")
    async with SlackTwin() as slack, open_browser(browser, width=WIDTH, height=HEIGHT) as window:
        for number, (name, message) in enumerate(kinds()):
            if not words or any(word in name for word in words):
                address = _said(slack, f"C9DRAWN{number:03d}", name, message)
                (folder / f"{name}.png").write_bytes(await _drawn(window, address))


def _said(slack: SlackTwin, channel_id: str, name: str, message: Message) -> str:
    """Say it in a thread of its own; the page's address."""
    channel = Channel(channel_id, "messages", "public", [ALICE, BOT_USER])
    slack.space.channels[channel.id] = channel
    root = slack.space.post(channel, ALICE, name)
    slack.space.post(
        channel,
        BOT_USER,
        message.text,
        blocks=list(message.blocks),
        thread_ts=root.ts,
        bot_id=BOT,
        app_id=APP,
    )
    return f"{slack.url}/?channel={channel.id}&thread={root.ts}"


async def _drawn(window: Browser, address: str) -> bytes:
    await window.resize(WIDTH, HEIGHT)
    await window.show(address)
    await window.until(LOADED)
    await window.run(ONLY_THE_THREAD)
    await window.resize(WIDTH, await window.run(WHOLE_HEIGHT))
    return await window.picture()


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit("say into which folder")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(folder, sys.argv[2:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
