"""Slack's own trouble while a check runs: the verdict and its files arrive, each exactly once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.slack_life import Life, button_labels, life
from tests.lab.slack import BOB, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

HISTORY = {"channels:history", "groups:history"}
UPLOAD = "files.completeUploadExternal"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    async with life(tmp_path_factory.mktemp("trouble") / "lab") as here:
        # The optional scopes: with them a call without an answer is looked up, and nothing doubles.
        here.slack.space.scopes |= HISTORY
        yield here


async def answered_once(here: Life, root: Message) -> Message:
    """The verdict message, where verdict and files stand in the thread exactly once."""
    found = await here.verdict(root)
    assert found["report"]["verdict"]["code"] == "ARP_OK"
    verdict, files = here.replies(root)
    assert "ARP works" in verdict.text
    assert [file.name.rpartition(".")[2] for file in files.files] == ["png", "zip"]
    assert "ARP works" in root.text
    assert [m.ts for m in here.slack.messages(root.channel)] == [root.ts]
    return verdict


@pytest.mark.parametrize("kind", ["ratelimited", "http500", "html", "lost_answer"])
async def test_calls_that_fail_are_made_good(here: Life, kind: str) -> None:
    root = await here.asked("app01 10.20.110.1 1s")
    await here.captures(6)
    for method in ("chat.update", "chat.postMessage", UPLOAD):
        here.slack.fail(method, 1, kind)
    await answered_once(here, root)
    assert {"chat.update", "chat.postMessage", UPLOAD} <= {
        method for method, fault in here.slack.api.faults.struck if fault.kind == kind
    }
    await here.over(root)


async def test_a_slack_that_limits_everything_for_a_while_delays_and_loses_nothing(
    here: Life,
) -> None:
    root = await here.asked("web02 10.20.110.1 1s")
    await here.captures(6)
    here.slack.fail("*", 12, "ratelimited", retry_after=1)
    await answered_once(here, root)
    await here.over(root)


@pytest.mark.parametrize(
    ("kind", "there"), [("lost_answer", 1), ("http500", 0), ("x_new_error", 0)]
)
async def test_files_that_slack_does_not_confirm_are_told_and_sent_on_a_press(
    here: Life, kind: str, there: int
) -> None:
    """Without the optional scopes nobody can look, so a person does; nothing is sent on a guess."""
    here.slack.space.scopes -= HISTORY
    try:
        root = await here.asked("app01 10.20.110.1 1s")
        await here.captures(6)
        here.slack.fail(UPLOAD, 1, kind)
        missing = await here.reply(root, "the files of this check" if there else "files of this")
        await here.over(root)
        assert len(here.bundles(root.channel)) == there
        assert button_labels(missing) == ["Send the files"]
        assert len(here.replies(root)) == 2 + there
        await here.slack.press(missing, "Send the files", user=BOB, times=2)
        await here.until(lambda: len(here.bundles(root.channel)) == there + 1)
        await here.over(root)
        await here.until(lambda: button_labels(missing) == [])
        assert f"<@{BOB}> has the files sent" in str(missing.blocks)
        assert len(here.replies(root)) == 3 + there
    finally:
        here.slack.space.scopes |= HISTORY


async def test_what_slack_will_not_draw_comes_as_plain_text(here: Life) -> None:
    root = await here.asked("web02 10.20.110.1 1s")
    await here.captures(6)
    here.slack.fail("chat.postMessage", 1, "invalid_blocks")
    verdict = await answered_once(here, root)
    assert "table" not in {block["type"] for block in verdict.blocks}
    assert "vmnic0-tx: " in str(verdict.blocks)
    await here.over(root)


async def test_a_double_click_on_run_again_is_one_check(here: Life) -> None:
    root = await here.asked("app01 1s")
    verdict = await answered_once(here, root)
    await here.over(root)
    await here.slack.press(verdict, "Run again", times=3)
    again = await here.reply(root, "ARP check of `app01`")
    await here.verdict(again, 2)
    assert len(here.bundles(root.channel)) == 2
    assert len(here.replies(root)) == 5
    await here.over(root)


async def test_a_dropped_socket_in_mid_check_and_a_second_bot_harm_nothing(here: Life) -> None:
    await here.lab.run("bot", here.environment)
    await here.slack.connected(2, timeout=30)
    here.slack.redeliver_next(2)
    root = await here.asked("app01 2s")
    await here.captures(6)
    await here.slack.socket.drop()
    await answered_once(here, root)
    await here.slack.connected(2, timeout=30)
    await here.over(root)
    channel = here.channel()
    await asyncio.gather(*(here.slack.slash("web02 1s", channel=channel) for _ in range(4)))
    await answered_once(here, await here.root(channel))
