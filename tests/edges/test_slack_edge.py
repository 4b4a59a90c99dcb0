"""The Slack edge against a workspace that limits, fails, refuses and loses answers on demand."""

import asyncio
import logging

import pytest

from tests.lab.slack import ALICE, DM_ALICE, INCIDENT, VIRT, SlackTwin
from workers.arp.summary import Message
from workers.errors import SlackRefused, SlackUnreachable
from workers.slack import Slack, Upload
from workers.slack.reading import PAGE

HELLO = Message("hello", ({"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}},))


def texts(twin: SlackTwin, channel: str = INCIDENT) -> list[str]:
    return [message.text for message in twin.space.channel(channel).messages]


# --- posting -----------------------------------------------------------------------------------


async def test_a_post_and_its_edits(twin: SlackTwin, slack: Slack) -> None:
    ts = await slack.post(INCIDENT, HELLO, key="j1:root", metadata={"job_id": "j1"})
    await slack.edit(INCIDENT, ts, Message("bye"))
    shown = [version.text for version in twin.history_of(INCIDENT, ts)]
    assert shown == ["hello", "bye"]
    message = twin.messages()[0]
    assert "hello" not in str(message.blocks)  # text without blocks must not leave the old ones
    assert message.metadata == {
        "event_type": "arpcheck",
        "event_payload": {"key": "j1:root", "job_id": "j1"},
    }
    await slack.post(INCIDENT, Message("in the thread"), thread_ts=ts, key="j1:verdict")
    assert [message.text for message in twin.thread(INCIDENT, ts)] == ["bye", "in the thread"]
    link = await slack.permalink(INCIDENT, ts)
    assert link is not None
    assert INCIDENT in link


async def test_a_rate_limit_is_waited_out(twin: SlackTwin, slack: Slack) -> None:
    twin.fail("chat.postMessage", 2, "ratelimited", retry_after=1)
    started = asyncio.get_running_loop().time()
    await slack.post(INCIDENT, HELLO, key="j1:root")
    assert asyncio.get_running_loop().time() - started >= 2
    assert texts(twin) == ["hello"]


@pytest.mark.parametrize(
    "kind", ["http500", "http503", "html", "reset", "lost_answer", "internal_error"]
)
@pytest.mark.parametrize("may_read", [True, False])
async def test_an_unclear_answer_neither_loses_nor_doubles(
    twin: SlackTwin, slack: Slack, kind: str, *, may_read: bool
) -> None:
    twin.chat.dedupe = False  # Slack promises nothing about client_msg_id
    if may_read:
        twin.space.scopes |= {"channels:history", "groups:history"}
    twin.fail("chat.postMessage", 1, kind)
    ts = await slack.post(INCIDENT, HELLO, key="j1:root")
    if may_read:
        assert texts(twin) == ["hello"]
    else:  # cannot look: once more, and it says so
        posted = ["hello"] if kind == "lost_answer" else []
        assert texts(twin) == [*posted, "hello (repeat)"]
        assert "(repeat)" in str(twin.messages()[-1].blocks)
    assert twin.space.message(INCIDENT, ts) is not None


async def test_an_unclear_answer_in_a_thread(twin: SlackTwin, slack: Slack) -> None:
    twin.space.scopes.add("channels:history")
    twin.chat.dedupe = False
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    twin.fail("chat.postMessage", 1, "lost_answer")
    ts = await slack.post(INCIDENT, Message("verdict"), thread_ts=root, key="j1:verdict")
    assert [(m.ts, m.text) for m in twin.thread(INCIDENT, root)][1:] == [(ts, "verdict")]


async def test_an_unclear_answer_at_the_end_of_a_long_thread(twin: SlackTwin, slack: Slack) -> None:
    twin.space.scopes.add("channels:history")
    twin.chat.dedupe = False
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    for number in range(450):
        twin.say(f"any news? {number}", thread_ts=root)
    twin.fail("chat.postMessage", 1, "lost_answer")
    ts = await slack.post(INCIDENT, Message("verdict"), thread_ts=root, key="j1:verdict")
    assert [m.ts for m in twin.thread(INCIDENT, root) if m.text == "verdict"] == [ts]


async def test_a_worker_that_takes_over_finds_what_the_former_one_posted(
    twin: SlackTwin, slack: Slack
) -> None:
    twin.space.scopes.add("channels:history")
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    other = Slack(twin.bot_token, twin.api_url)
    assert await other.post(INCIDENT, HELLO, key="j1:root", look_first=True) == root
    assert await other.post(INCIDENT, HELLO, key="j2:root", look_first=True) != root
    await other.close()


async def test_what_was_posted_is_found_however_much_was_said_since(
    twin: SlackTwin, slack: Slack
) -> None:
    """A long incident thread, and a busy channel while a check waits for a worker."""
    twin.space.scopes.add("channels:history")
    twin.chat.dedupe = False
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    for number in range(PAGE + 5):
        twin.say(f"reply {number}", thread_ts=root)
        twin.say(f"message {number}")
    verdict = await slack.post(INCIDENT, HELLO, thread_ts=root, key="j1:verdict")
    await slack.upload(INCIDENT, root, [Upload("late.zip", b"PK")])
    await twin.wait_for(lambda: twin.thread(INCIDENT, root)[-1].files)
    for since in (0, int(float(root) * 1e9)):
        found = await slack.post(INCIDENT, HELLO, key="j1:root", look_first=True, since=since)
        assert found == root
        assert await slack.find(INCIDENT, root, "j1:verdict", since=since) == verdict
    assert await slack.has_file(INCIDENT, root, "late.zip")


async def test_looking_first_where_reading_is_not_allowed_posts(
    twin: SlackTwin, slack: Slack
) -> None:
    await slack.post(INCIDENT, HELLO, key="j1:root", look_first=True)
    assert texts(twin) == ["hello"]


@pytest.mark.parametrize("reason", ["invalid_blocks", "msg_blocks_too_long", "msg_too_long"])
async def test_what_slack_will_not_draw_arrives_as_plain_text(
    twin: SlackTwin, slack: Slack, reason: str
) -> None:
    twin.fail("chat.postMessage", 1, reason)
    ts = await slack.post(INCIDENT, HELLO, key="j1:root")
    assert texts(twin) == ["hello"]
    twin.fail("chat.update", 1, reason)
    await slack.edit(INCIDENT, ts, Message("bye", HELLO.blocks))
    assert "bye" in str(twin.messages()[0].blocks)


async def test_a_text_over_every_limit_is_cut_and_says_so(twin: SlackTwin, slack: Slack) -> None:
    long = Message("line of text\n" * 2_000, ({"type": "no such block"},))
    await slack.post(INCIDENT, long, key="j1:verdict")
    message = twin.messages()[0]
    assert len(message.text) <= 4_000
    assert "cut" in str(message.blocks[-1])


async def test_slack_away_for_good_is_told(twin: SlackTwin, slack: Slack) -> None:
    await twin.stop()
    with pytest.raises(SlackUnreachable) as caught:
        await slack.post(INCIDENT, HELLO, key="j1:root")
    assert "cannot be reached" in caught.value.sentence


async def test_a_limit_beyond_patience_is_told(twin: SlackTwin, slack: Slack) -> None:
    twin.fail("chat.update", 1, "ratelimited", retry_after=600)
    with pytest.raises(SlackUnreachable, match="rate limit"):
        await slack.edit(INCIDENT, "1.1", HELLO)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda twin: twin.kick(INCIDENT), "not_in_channel"),
        (lambda twin: twin.archive(INCIDENT), "is_archived"),
        (lambda twin: twin.space.scopes.remove("chat:write"), "missing_scope"),
        (lambda twin: twin.api.revoked.add(twin.bot_token), "token_revoked"),
    ],
    ids=["not_in_channel", "is_archived", "missing_scope", "token_revoked"],
)
async def test_refusals_carry_slacks_reason_and_no_token(
    twin: SlackTwin, slack: Slack, spoil: object, reason: str
) -> None:
    assert callable(spoil)
    spoil(twin)
    with pytest.raises(SlackRefused) as caught:
        await slack.post(INCIDENT, HELLO, key="j1:root")
    assert caught.value.reason == reason
    assert "xoxb" not in f"{caught.value!r} {caught.value.sentence}"


async def test_no_secret_reaches_the_log(
    twin: SlackTwin, slack: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for kind in ("http500", "reset", "ratelimited", "slow"):
        twin.fail("chat.postMessage", 1, kind, seconds=0.1)
        await slack.post(INCIDENT, HELLO, key=f"{kind}:root")
    twin.fail("files.getUploadURLExternal", 1, "http500")
    root = twin.messages()[0].ts
    await slack.upload(INCIDENT, root, [Upload("a.txt", b"a")])
    own = [r.getMessage() for r in caplog.records if r.name.startswith("workers")]
    assert own
    for line in own:
        assert "xoxb" not in line
        assert "/upload/v1/" not in line


# --- people ------------------------------------------------------------------------------------


async def test_one_person_only(twin: SlackTwin, slack: Slack) -> None:
    await slack.ephemeral(INCIDENT, ALICE, HELLO)
    assert [message.text for message in twin.ephemerals()] == ["hello"]
    url = twin.space.new_response_url(ALICE, VIRT)
    for number in range(5):
        await slack.respond(url, Message(f"answer {number}"))
    assert len(twin.ephemerals(ALICE, VIRT)) == 5
    with pytest.raises(SlackRefused):
        await slack.respond(url, Message("one too many"))
    await slack.direct(ALICE, HELLO, key="j1:direct")
    assert [(message.channel, message.text) for message in twin.dms()] == [(DM_ALICE, "hello")]


async def test_a_dialog_can_be_opened_and_filled(twin: SlackTwin, slack: Slack) -> None:
    def view(text: str) -> dict[str, object]:
        return {
            "type": "modal",
            "callback_id": "c",
            "title": {"type": "plain_text", "text": "Title"},
            "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}],
        }

    opened = await slack.open_view(twin.space.new_trigger(ALICE), view("one moment"))
    await slack.update_view(opened, view("here it is"))
    shown = twin.view_of()
    assert shown is not None
    assert "here it is" in str(shown.body)
