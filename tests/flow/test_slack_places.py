"""Where the bot may not write, or no longer: the answer is kept and the asker gets it all the same."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.slack_life import Life, button_labels, life
from tests.lab.slack import ALICE, BOB, Channel, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    async with life(tmp_path_factory.mktemp("places") / "lab") as here:
        yield here


def answers(here: Life, user: str) -> list[Message]:
    """The answers that stand in somebody's direct messages because their channels took none."""
    return [m for m in here.slack.dms(user) if "Post it there" in button_labels(m)]


@pytest.mark.parametrize("kind", ["public", "private"])
async def test_not_in_the_channel_the_result_is_kept_and_posted_after_the_invite(
    here: Life, kind: str
) -> None:
    channel = here.channel(kind, bot=False)
    await here.slack.slash("app01 1s", channel=channel)
    told = await here.whisper("/invite @arpcheck", channel)
    assert button_labels(told) == ["Post it here"]
    kept = await here.whisper("ARP works", channel)
    assert "Post it there" in button_labels(kept)
    assert here.slack.messages(channel) == []
    here.slack.invite(channel)
    await here.slack.press(told, "Post it here")
    root = await here.root(channel)
    await here.until(lambda: here.bundles(channel))
    assert "ARP works" in root.text
    assert "Run again" in button_labels(root)
    (files,) = here.replies(root)
    assert [file.name.rpartition(".")[2] for file in files.files] == ["png", "zip"]


async def test_in_direct_messages_everything_is_as_in_a_channel(here: Life) -> None:
    count = len(here.slack.dms(ALICE))
    channel = here.slack.space.dm(ALICE).id
    await here.slack.slash("app01 1s", channel=channel)
    root = await here.until(lambda: here.slack.dms(ALICE)[count:])
    await here.verdict(root[0])
    assert "ARP works" in root[0].text
    assert len(here.replies(root[0])) == 2


async def test_between_two_people_the_answer_comes_directly(here: Life) -> None:
    two = Channel("D9TWO0001", "directmessage", "im", [ALICE, BOB])
    here.slack.space.channels[two.id] = two
    count = len(here.slack.dms(ALICE))
    await here.slack.slash("web02 1s", channel=two.id)
    await here.whisper("our direct messages", two.id)
    root = (await here.until(lambda: here.slack.dms(ALICE)[count:]))[0]
    await here.ended(root)
    assert "ARP works" in root.text
    assert two.messages == []


@pytest.mark.parametrize(
    ("loss", "vm", "why"),
    [
        ("archived", "app01", "archived"),
        ("deleted", "web02", "deleted"),
        ("kicked", "vm-101", "/invite @arpcheck"),
    ],
)
async def test_a_place_that_is_lost_meanwhile_leaves_the_answer_to_the_asker(
    here: Life, loss: str, vm: str, why: str
) -> None:
    count = len(answers(here, ALICE))
    root = await here.asked(f"{vm} 1s")
    await here.captures(6)
    if loss == "archived":
        here.slack.archive(root.channel)
    elif loss == "deleted":
        here.slack.delete(root.channel, root.ts)
    else:
        here.slack.kick(root.channel)
    (kept,) = await here.until(lambda: answers(here, ALICE)[count:])
    assert "ARP works" in kept.text
    assert why in str(kept.blocks)
    assert button_labels(kept) == ["Post it there", "Run again"]
    await here.until(lambda: here.bundles(kept.channel))
    assert here.replies(root) == []
    if loss == "kicked":
        here.slack.invite(root.channel)
        await here.slack.press(kept, "Post it there")
        there = await here.root(root.channel, 2)
        assert "ARP works" in there.text


async def test_a_thread_that_is_gone_leaves_the_answer_to_the_asker(here: Life) -> None:
    channel = here.channel()
    alarm = here.slack.say("app01?", channel=channel)
    await here.slack.mention("app01 1s", channel=channel, thread_ts=alarm.ts, user=BOB)
    answer = await here.reply(alarm, "ARP check of")
    here.slack.delete(channel, answer.ts)
    here.slack.delete(channel, alarm.ts)
    (kept,) = await here.until(lambda: answers(here, BOB))
    assert "ARP works" in kept.text
    assert "Post it there" in button_labels(kept)
