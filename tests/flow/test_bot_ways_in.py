"""Mention, message shortcut, dialog and buttons: every way in ends in the same jobs."""

import asyncio

import pytest

from tests.flow.bot_process import posted, running_bot, whisper
from tests.lab.slack import BOB, INCIDENT, MALLORY, NET_ONCALL, SlackTwin, View
from workers.arp.model import Job, VmCandidate
from workers.arp.summary import (
    Message,
    choice_message,
    root_message,
    stimulus_message,
    trouble_message,
)
from workers.arp.summary.blocks import AGAIN, FIXED, HANDOFF, NOT_OURS, OPTIONS, TAKEN
from workers.arp.summary.blocks import actions, button, section
from workers.jobs import Jobs, Lease
from workers.slack import Slack

MODES = pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])


async def dialog(slack: SlackTwin, title: str = "") -> View:
    """Wait for a dialog that is filled."""

    def shown() -> bool:
        view = slack.view_of()
        return view is not None and "submit" in view.body and title in str(view.body)

    await slack.wait_for(shown)
    view = slack.view_of()
    assert view is not None
    return view


async def claimed(jobs: Jobs) -> Lease:
    lease = await jobs.claim("w1", 10)
    assert lease is not None
    return lease


async def say(slack: SlackTwin, job: Job, message: Message) -> object:
    """Post as the worker does, in the check's thread; returns the message people see."""
    edge = Slack(slack.bot_token, slack.api_url)
    root = job.thread.root_ts
    ts = await edge.post(job.thread.channel, message, thread_ts=root, key=f"{job.id}:test")
    await edge.close()
    return slack.space.message(job.thread.channel, ts)


def buttons(job: Job, *names: str) -> Message:
    return Message("done", (section("done"), actions([button(n, n, job.id) for n in names])))
