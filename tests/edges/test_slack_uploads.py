"""The Slack edge's files and its live message, where Slack limits, fails and loses answers."""

import asyncio
from itertools import pairwise

import pytest

from tests.edges.test_slack_edge import HELLO, texts
from tests.lab.slack import ALICE, INCIDENT, VIRT, SlackTwin
from workers.arp.summary import Message
from workers.errors import SlackRefused, SlackUnreachable
from workers.slack import LiveMessage, Slack, Upload

# --- files -------------------------------------------------------------------------------------

FILES = (
    Upload("evidence.zip", b"PK" + bytes(range(256)), title="Evidence"),
    Upload("path.png", b"\x89PNG\r\n", title="Path", alt="requests end at vmnic1"),
)


@pytest.mark.parametrize("kind", ["", "http500", "lost_answer", "ratelimited"])
async def test_several_files_are_one_message(twin: SlackTwin, slack: Slack, kind: str) -> None:
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    if kind:
        twin.fail("files.getUploadURLExternal", 1, kind)
    await slack.upload(INCIDENT, root, FILES, "Captures and report")
    shared = await twin.wait_for(lambda: [m for m in twin.thread(INCIDENT, root) if m.files])
    assert len(shared) == 1
    assert {file.name: file.content for file in shared[0].files} == {
        file.name: file.content for file in FILES
    }


async def test_files_and_answers_go_to_other_hosts_and_the_token_to_none(
    twin: SlackTwin, slack: Slack
) -> None:
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    twin.space.base_url = f"http://localhost:{twin.port}"
    await slack.upload(INCIDENT, root, FILES)
    await twin.wait_for(lambda: [m for m in twin.thread(INCIDENT, root) if m.files])
    await slack.respond(twin.space.new_response_url(ALICE, VIRT), HELLO)
    assert [message.text for message in twin.ephemerals(ALICE, VIRT)] == ["hello"]


async def test_a_share_with_a_lost_answer_is_never_sent_again(
    twin: SlackTwin, slack: Slack
) -> None:
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    twin.fail("files.completeUploadExternal", 1, "lost_answer")
    with pytest.raises(SlackUnreachable, match="did not confirm"):
        await slack.upload(INCIDENT, root, FILES)
    calls = [call for call in twin.api.calls if call.method == "files.completeUploadExternal"]
    assert len(calls) == 1


async def test_a_share_with_a_lost_answer_is_seen_where_the_thread_may_be_read(
    twin: SlackTwin, slack: Slack
) -> None:
    twin.space.scopes.add("channels:history")
    root = await slack.post(INCIDENT, HELLO, key="j1:root")
    twin.fail("files.completeUploadExternal", 1, "lost_answer")
    await slack.upload(INCIDENT, root, FILES)
    shared = [m for m in twin.thread(INCIDENT, root) if m.files]
    assert len(shared) == 1


# --- the live message --------------------------------------------------------------------------


async def test_a_live_message_skips_states_and_shows_the_last(
    twin: SlackTwin, slack: Slack
) -> None:
    ts = await slack.post(INCIDENT, HELLO, key="j1:root")
    live = LiveMessage(slack, INCIDENT, ts, gap_seconds=0.3)
    live.show(Message("state 0"))
    await twin.wait_for(lambda: texts(twin) == ["state 0"])
    for number in range(1, 50):
        live.show(Message(f"state {number}"))
    await twin.wait_for(lambda: texts(twin) == ["state 49"])
    live.show(Message("state 50"))
    await live.close(Message("verdict"))
    versions = twin.history_of(INCIDENT, ts)
    assert [version.text for version in versions] == ["hello", "state 0", "state 49", "verdict"]
    edits = [version.at for version in versions[1:3]]
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(edits))


async def test_many_live_messages_share_the_rate_limit(twin: SlackTwin, slack: Slack) -> None:
    first = await slack.post(INCIDENT, HELLO, key="j1:root")
    others = [LiveMessage(slack, INCIDENT, first) for _ in range(8)]
    live = LiveMessage(slack, INCIDENT, first, gap_seconds=0.05)
    live.show(Message("state 0"))
    await twin.wait_for(lambda: texts(twin) == ["state 0"])
    live.show(Message("state 1"))  # nine at once: not before some seconds
    with pytest.raises(TimeoutError):
        await twin.wait_for(lambda: texts(twin) == ["state 1"], 0.5)
    for other in others:
        await other.close()
    await live.close()
    assert texts(twin) == ["state 1"]


async def test_the_last_state_arrives_after_an_edit_that_hangs(
    twin: SlackTwin, slack: Slack
) -> None:
    ts = await slack.post(INCIDENT, HELLO, key="j1:root")
    live = LiveMessage(slack, INCIDENT, ts, gap_seconds=0.1)
    twin.fail("chat.update", 1, "slow", seconds=0.5)
    live.show(Message("progress"))
    await twin.wait_for(lambda: twin.api.faults.struck)
    await live.close(Message("verdict"))
    assert [version.text for version in twin.history_of(INCIDENT, ts)][-1] == "verdict"


async def test_progress_that_cannot_be_shown_does_not_stop_a_check(
    twin: SlackTwin, slack: Slack
) -> None:
    ts = await slack.post(INCIDENT, HELLO, key="j1:root")
    twin.delete(INCIDENT, ts)
    live = LiveMessage(slack, INCIDENT, ts, gap_seconds=0.1)
    live.show(Message("progress"))
    for _ in range(500):
        if live.trouble is not None:
            break
        await asyncio.sleep(0.01)
    with pytest.raises(SlackRefused) as caught:
        await live.close(Message("verdict"))
    assert caught.value.reason == "message_not_found"
