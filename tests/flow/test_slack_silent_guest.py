"""A guest that says nothing: what to type in it, and what its silence means once somebody did."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.slack_life import GATEWAY, Life, button_labels, life
from tests.lab.slack import BOB, Message

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_GATEWAY = "10.20.120.1"
ASKED_FOR, LIMIT = 6, 12


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    folder = tmp_path_factory.mktemp("silent") / "lab"
    async with life(folder, CAPTURE_SECONDS=str(LIMIT)) as here:
        for vm in ("app01", "web02", "log04"):
            here.lab.world.faults[f"guest_silent#{vm}"] = {"vm": vm}
        yield here


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def roots(here: Life) -> dict[str, Message]:
    """Three silent guests, checked side by side; somebody makes two of them ask, so they say."""
    roots = {vm: await here.asked(f"{vm} {ASKED_FOR}s") for vm in ("app01", "web02", "log04")}
    for vm in ("app01", "web02"):
        question = await here.reply(roots[vm], "I started it")
        await here.slack.press(question, "I started it", user=BOB)
    del here.lab.world.faults["guest_silent#web02"]
    return roots


async def test_the_thread_says_what_to_type_with_the_gateway_filled_in(
    here: Life, roots: dict[str, Message]
) -> None:
    question = await here.reply(roots["log04"], "I started it")
    linux, windows = str(question.blocks).split("Windows", 1)
    assert f"arping -b -c 15 -w 17 {OTHER_GATEWAY}`" in linux
    assert f"arp -d {OTHER_GATEWAY} & ping -n 15 {OTHER_GATEWAY}".replace("&", "&amp;") in windows
    assert OTHER_GATEWAY in question.text
    assert button_labels(question) == ["I started it"]


async def test_a_guest_that_starts_asking_after_the_press_gets_its_own_verdict(
    here: Life, roots: dict[str, Message]
) -> None:
    found = await here.verdict(roots["web02"])
    assert found["report"]["verdict"]["code"] == "ARP_OK"
    assert found["report"]["target"] == GATEWAY
    assert found["case"]["stimulus"]["confirmed"] is True


async def test_silence_after_the_press_is_the_guests_and_listening_goes_on_to_the_limit(
    here: Life, roots: dict[str, Message]
) -> None:
    root = roots["app01"]
    question = await here.reply(root, "has sent no ARP request")
    await here.whisper("Noted", root.channel, BOB)
    found = await here.verdict(root)
    assert found["report"]["verdict"]["code"] == "GUEST_SILENT"
    assert found["report"]["verdict"]["owner"] == "guest"
    stimulus = found["case"]["stimulus"]
    assert stimulus["confirmed"] is True
    assert stimulus["targets"] == [GATEWAY]
    assert stimulus["start"] < stimulus["end"]
    assert listened(found["case"]) > LIMIT - 1
    states = here.slack.history_of(root.channel, root.ts)
    told = [state.text for state in states]
    assert any(f"at most {LIMIT} s, no ARP request of the VM yet" in text for text in told)
    assert here.replies(root)[0].ts == question.ts
    assert button_labels(question) == []
    assert f"<@{BOB}> started it" in str(question.blocks)


async def test_silence_without_a_press_proves_nothing(
    here: Life, roots: dict[str, Message]
) -> None:
    found = await here.verdict(roots["log04"])
    assert found["report"]["verdict"]["code"] == "NO_STIMULUS"
    assert found["report"]["verdict"]["owner"] == "inconclusive"
    assert found["case"]["stimulus"]["confirmed"] is False
    assert listened(found["case"]) < LIMIT - 3


async def test_a_press_after_the_end_says_that_it_is_over(
    here: Life, roots: dict[str, Message]
) -> None:
    root = await here.ended(roots["log04"])
    question = await here.reply(root, "I started it")
    await here.slack.press(question, "I started it")
    await here.whisper("already over", root.channel)
    await here.slack.wait_for(lambda: not button_labels(question))


def listened(case: dict[str, Any]) -> float:
    """For how many seconds the VM's port was listened to."""
    (port,) = [point for point in case["points"] if point["point"] == "vnic0-tx"]
    begun, ended = (datetime.fromisoformat(port[name]) for name in ("ready_at", "stopped_at"))
    return (ended - begun).total_seconds()
