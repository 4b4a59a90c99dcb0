"""A Slack that knows only what cannot be done without: a check works, and what is missing is said."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.slack_life import Life, life
from tests.lab.slack import ALICE, BOB, MALLORY

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPTIONAL = (
    "auth.test",
    "chat.getPermalink",
    "chat.postEphemeral",
    "conversations.history",
    "conversations.info",
    "conversations.members",
    "conversations.replies",
    "usergroups.users.list",
    "users.info",
    "views.open",
    "views.publish",
    "views.update",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    folder = tmp_path_factory.mktemp("stranger") / "lab"
    async with life(folder, without=OPTIONAL, ARPCHECK_USERS=f"{ALICE},{BOB},S0NOBODY") as here:
        here.slack.api.sparse = True
        yield here


@pytest.fixture(params=[False, True], ids=["unknown_method", "http404"], autouse=True)
def _how_it_says_so(here: Life, request: pytest.FixtureRequest) -> None:
    """Slack itself says unknown_method, a gateway before it answers with a status."""
    here.slack.api.unknown_is_404 = request.param


async def test_a_command_is_answered_with_verdict_and_files(here: Life) -> None:
    root = await here.asked("app01 1s")
    found = await here.verdict(root)
    assert found["report"]["verdict"]["code"] == "ARP_OK"
    verdict, files = here.replies(root)
    assert "ARP works" in verdict.text
    assert len(files.files) == 2
    await here.over(root)


async def test_a_mention_is_understood_without_knowing_who_the_bot_is(here: Life) -> None:
    channel = here.channel()
    alarm = here.slack.say("web02 is gone", channel=channel)
    await here.slack.mention("web02 1s", channel=channel, thread_ts=alarm.ts, user=BOB)
    verdict = await here.reply(alarm, "Listened")
    assert "ARP works" in verdict.text
    await here.over(verdict)


async def test_who_asks_for_the_same_vm_is_told_without_a_link(here: Life) -> None:
    root = await here.asked("app01 2s")
    await here.captures(6)
    other = here.channel()
    await here.slack.slash("app01", user=BOB, channel=other)
    await here.whisper("already being checked", other, BOB)
    await here.whisper("has ended", other, BOB)
    await here.over(root)


async def test_what_cannot_be_shown_in_the_channel_is_told_directly(here: Life) -> None:
    channel = here.channel()
    await here.slack.mention("app01", channel=channel, user=MALLORY)
    (told,) = await here.until(lambda: here.slack.dms(MALLORY))
    assert "You may not run arpcheck" in told.text
    assert "could not be read" in told.text
    assert not [m for m in here.slack.messages(channel) if m.bot_id]


async def test_a_dialog_that_does_not_open_says_what_to_type(here: Life) -> None:
    channel = here.channel()
    await here.slack.slash("", channel=channel)
    told = await here.whisper("did not open the dialog", channel)
    assert "/arpcheck vm-name" in told.text


async def test_a_home_tab_that_cannot_be_shown_is_nobodys_trouble(here: Life) -> None:
    before = len(here.slack.dms(BOB))
    delivery = await here.slack.people.open_home(user=BOB)
    assert delivery.ack.ok
    # A call that is refused changes nothing that the twin would tell of.
    await here.lab.settled(lambda: [c for c in here.slack.api.calls if c.method == "views.publish"])
    await here.slack.mention("help", channel=here.channel(), user=BOB)
    told = await here.until(lambda: here.slack.dms(BOB)[before:])
    assert ["/arpcheck status" in message.text for message in told] == [True]
