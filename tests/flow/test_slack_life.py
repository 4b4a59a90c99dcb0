"""A check as people see it in Slack, with the real bot, the real worker and a verdict at its end."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.flow.bot_process import dialog
from tests.flow.slack_life import Life, button_labels, life
from tests.lab.slack import ALICE, BOB, INCIDENT, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDIT_GAP_SECONDS = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    async with life(tmp_path_factory.mktemp("life") / "lab") as here:
        yield here


# --- every way in ------------------------------------------------------------------------------

NAMES = {
    "name": "app01",
    "ip": "10.20.110.21",
    "mac": "00-50-56-9A-21-01",
    "moid": "vm-101",
    "uuid": "4213b7a1-0000-4000-8000-000000000101",
}


async def test_a_vm_by_any_of_its_names_gets_its_verdict(here: Life) -> None:
    roots = [await here.asked(f"{name} 10.20.110.1 1s") for name in NAMES.values()]
    found = await asyncio.gather(*(here.verdict(root) for root in roots))
    for root, evidence in zip(roots, found, strict=True):
        assert evidence["report"]["vm"] == "app01"
        assert evidence["report"]["verdict"]["code"] == "ARP_OK"
        assert evidence["case"]["vm"]["moid"] == "vm-101"
        assert "`app01`" in str(root.blocks)


async def test_a_mention_in_a_thread_is_answered_in_that_thread(here: Life) -> None:
    channel = here.channel()
    alarm = here.slack.say("app01 lost its network?", channel=channel)
    await here.slack.mention("app01 1s", channel=channel, thread_ts=alarm.ts)
    answer = await here.reply(alarm, "ARP check of")
    evidence = await here.verdict(answer)
    _, own, verdict, files = here.slack.thread(channel, alarm.ts)[1:]
    assert own.ts == answer.ts
    assert "Run again" in button_labels(verdict)
    assert [file.name.rpartition(".")[2] for file in files.files] == ["png", "zip"]
    assert [m.ts for m in here.slack.messages(channel)] == [alarm.ts]
    assert evidence["report"]["verdict"]["code"] == "ARP_OK"


async def test_a_shortcut_and_its_dialog_are_answered_in_the_messages_thread(here: Life) -> None:
    channel = here.channel()
    alarm = here.slack.say("ALERT host `app01` unreachable from log04", channel=channel)
    await here.slack.shortcut("arpcheck_message", alarm.ts, channel=channel)
    view = await dialog(here.slack)
    assert "log04" in str(view.body)
    await here.slack.submit(view, {"seconds": "1s"})
    answer = await here.reply(alarm, "ARP check of")
    evidence = await here.verdict(answer)
    assert evidence["report"]["verdict"]["code"] == "ARP_OK"
    assert [m.ts for m in here.slack.messages(channel)] == [alarm.ts]


async def test_the_command_alone_asks_with_a_dialog(here: Life) -> None:
    channel = here.channel()
    await here.slack.slash("", channel=channel)
    view = await dialog(here.slack)
    assert here.slack.messages(channel) == []
    await here.slack.submit(view, {"vm": "web02", "target": "10.20.110.1", "seconds": "1s"})
    root = await here.root(channel)
    report = (await here.verdict(root))["report"]
    assert (report["vm"], report["target"]) == ("web02", "10.20.110.1")
    assert "web02" in root.text


async def test_history_links_to_the_verdicts(here: Life) -> None:
    root = await here.ended(await here.asked("web02 10.20.110.1 1s"))
    verdict = await here.reply(root, "ARP check of web02")
    await here.over(root)
    await here.slack.slash("history web02", channel=root.channel, user=BOB)
    told = await here.whisper("Last verdicts", root.channel, BOB)
    newest = told.text.splitlines()[1]
    assert "`ARP_OK` → `10.20.110.1`" in newest
    assert verdict.ts.replace(".", "") in newest


# --- which VM ----------------------------------------------------------------------------------


async def test_one_of_several_vms_is_chosen_and_the_same_message_goes_on(here: Life) -> None:
    twin = here.lab.world.vm("web02")
    twin.name, twin.folder = "app01", "vm/staging"
    try:
        root = await here.ended(await here.asked("app01 1s"))
        (question,) = here.replies(root)
        assert "2 VMs answer" in root.text
        assert any("vm/staging" in label for label in button_labels(question))
        assert all(word in question.text for word in ("cluster prod-a", "powered on", "vm-102"))
        wanted = next(label for label in button_labels(question) if "vm/staging" in label)
        await here.slack.press(question, wanted, user=BOB)
        evidence = await here.verdict(root)
    finally:
        twin.name, twin.folder = "web02", "vm"
    assert [m.ts for m in here.slack.messages(root.channel)] == [root.ts]
    assert evidence["case"]["vm"]["moid"] == "vm-102"


async def test_the_closest_name_is_pressed_and_the_same_message_goes_on(here: Life) -> None:
    root = await here.ended(await here.asked("ap01 1s"))
    (question,) = here.replies(root)
    await here.slack.press(question, "app01")
    evidence = await here.verdict(root)
    await here.over(root)
    assert "app01" in root.text
    assert evidence["report"]["verdict"]["code"] == "ARP_OK"
    assert [m.ts for m in here.slack.messages(root.channel)] == [root.ts]


# --- one message through all its states --------------------------------------------------------


async def test_one_message_tells_it_all_and_nothing_else_is_posted(here: Life) -> None:
    here.lab.situation("blog")
    try:
        root = await here.asked("app01 5s")
        evidence = await here.verdict(root)
    finally:
        here.lab.situation("healthy")
    states = here.slack.history_of(root.channel, root.ts)
    told = [state.text for state in states]
    assert "queued" in told[0]
    assert any(
        re.search(r"capturing on esx07\S*, \d of at most 5 s, \d+ requests", t) for t in told
    )
    assert any("█" in str(state.blocks) and "Cancel" in str(state.blocks) for state in states)
    assert "Cancel" not in str(states[-1].blocks)
    assert f"<@{ALICE}>" in str(root.blocks)
    gaps = [after.at - before.at for before, after in itertools.pairwise(states[1:])]
    assert min(gaps) >= EDIT_GAP_SECONDS
    assert [m.ts for m in here.slack.messages(root.channel)] == [root.ts]
    verdict, files = here.replies(root)
    assert evidence["report"]["verdict"]["headline"] in verdict.text
    assert [file.name.rpartition(".")[2] for file in files.files] == ["png", "zip"]
    assert here.slack.pings(verdict) | here.slack.pings(root) <= {ALICE}
    assert here.slack.ephemerals(ALICE, root.channel) == []


async def test_a_name_pings_nobody(here: Life) -> None:
    name = "<!channel> & @here *x*"
    vm = here.lab.world.vm("app01")
    vm.name = name
    try:
        root = await here.asked('"&lt;!channel&gt; &amp; @here *x*" 1s')
        evidence = await here.verdict(root)
    finally:
        vm.name = "app01"
    assert evidence["report"]["vm"] == name
    told: list[Message] = [root, *here.replies(root)]
    assert set().union(*(here.slack.pings(message) for message in told)) <= {ALICE}
    assert "<!channel>" not in str([(m.text, m.blocks) for m in told])
    for state in here.slack.history_of(root.channel, root.ts):
        assert "<!channel>" not in f"{state.text} {state.blocks}"


async def test_cancel_leaves_nothing_running_and_says_by_whom(here: Life) -> None:
    await here.quiet()
    here.lab.situation("blog")
    root = await here.asked("app01")
    await here.captures(6)
    await here.slack.press(root, "Cancel", user=BOB)
    await here.ended(root)
    here.lab.situation("healthy")
    assert f"was stopped by <@{BOB}>" in root.text
    (said,) = here.replies(root)
    assert f"was stopped by <@{BOB}>" in said.text
    assert button_labels(said) == ["Run again"]
    await here.quiet()
    assert here.slack.messages(INCIDENT) == []
