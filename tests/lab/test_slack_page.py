"""The twin's page: what a person sees there, and what typing and pressing there does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.bolt_peer import by_socket, new_app
from tests.lab.browser import Browser, chromium, open_browser
from tests.lab.slack import ALICE, BOB, INCIDENT, SlackTwin
from tests.lab.slack.state import Json

BLOCKS: list[Json] = [
    {
        "type": "section",
        "text": {
            "type": "mrkdwn",
            "text": ":red_circle: *Replies to `app01` are lost* &lt;b&gt; "
            "<@U01ALICE> <https://example.com|docs>",
        },
        "fields": [{"type": "mrkdwn", "text": "*Host*\n`esx07`"}],
    },
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": "Where"}, {"type": "raw_text", "text": "Requests"}],
            [{"type": "raw_text", "text": "vmnic1-tx"}, {"type": "raw_number", "value": 14}],
        ],
    },
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "again",
                "text": {"type": "plain_text", "text": "Run again"},
                "confirm": {
                    "title": {"type": "plain_text", "text": "Sure?"},
                    "text": {"type": "mrkdwn", "text": "Listens for *30 s*."},
                },
            },
        ],
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "Job `k3f9`"}]},
]


MODAL: Json = {
    "type": "modal",
    "callback_id": "options",
    "title": {"type": "plain_text", "text": "Check ARP"},
    "submit": {"type": "plain_text", "text": "Check"},
    "blocks": [
        {
            "type": "input",
            "block_id": "vm",
            "label": {"type": "plain_text", "text": "VM"},
            "element": {"type": "plain_text_input", "action_id": "name"},
        },
    ],
}


@pytest.fixture
async def twin() -> AsyncIterator[SlackTwin]:
    async with SlackTwin() as running:
        yield running


@pytest.fixture
async def app(twin: SlackTwin) -> AsyncIterator[AsyncApp]:
    app = new_app(twin)

    @app.command("/arpcheck")
    async def command(ack: AsyncAck, command: Json, client: AsyncWebClient) -> None:
        await ack()
        if not command["text"]:
            await client.views_open(trigger_id=command["trigger_id"], view=MODAL)
            return
        await client.chat_postMessage(
            channel=command["channel_id"], text=command["text"], blocks=BLOCKS
        )

    @app.view("options")
    async def take(ack: AsyncAck, view: Json) -> None:
        wrong = view["state"]["values"]["vm"]["name"]["value"] == "bad"
        await (ack(response_action="errors", errors={"vm": "No such VM"}) if wrong else ack())

    @app.action("again")
    async def again(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        place, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_postMessage(channel=place, thread_ts=ts, text="pressed")

    async with by_socket(twin, app):
        yield app


@pytest.fixture
async def browser(twin: SlackTwin) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(twin.url) as session:
        yield session


async def do(browser: aiohttp.ClientSession, action: str, **details: object) -> int:
    wanted = {"action": action, "user": ALICE, **details}
    async with browser.post("/page/do", json=wanted) as answer:
        return answer.status


async def seen(browser: aiohttp.ClientSession, user: str = ALICE) -> Json:
    async with browser.get("/page/state", params={"user": user}) as answer:
        found: Json = await answer.json()
        return found


async def test_typing_and_pressing_on_the_page_reach_the_app(
    twin: SlackTwin, app: AsyncApp, browser: aiohttp.ClientSession
) -> None:
    async with browser.ws_connect("/page/live") as live:
        assert await do(browser, "type", channel=INCIDENT, text="/arpcheck app01") == 200
        assert (await live.receive_json())["version"] > 0
    message = await twin.wait_for(twin.messages)
    ts = message[0].ts
    assert await do(browser, "press", channel=INCIDENT, ts=ts, button="again") == 200
    await twin.wait_for(lambda: len(twin.thread(INCIDENT, ts)) == 2)
    incident = next(c for c in (await seen(browser))["channels"] if c["id"] == INCIDENT)
    assert incident["messages"][0]["blocks"][0]["type"] == "section"
    assert [reply["text"] for reply in incident["messages"][0]["replies"]] == ["pressed"]


async def test_a_command_in_a_thread_is_refused_as_slack_does(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    root = twin.say("it hangs").ts
    await do(browser, "type", channel=INCIDENT, text="/arpcheck app01", thread_ts=root)
    assert "not supported in threads" in twin.ephemerals()[0].text
    await do(browser, "type", channel=INCIDENT, text="what now?", thread_ts=root)
    assert [m.text for m in twin.thread(INCIDENT, root)] == ["it hangs", "what now?"]


async def test_each_sees_only_what_is_theirs(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    twin.space.whisper(INCIDENT, ALICE, "for alice")
    assert "for alice" in str((await seen(browser))["channels"])
    assert "for alice" not in str((await seen(browser, BOB))["channels"])


async def test_choosing_a_fault_calls_the_lab(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    chosen = []

    async def choose(name: str) -> None:
        chosen.append(name)

    twin.panel.faults = [("healthy", "All is well"), ("gateway down", "Nobody answers")]
    twin.panel.choose = choose
    assert await do(browser, "choose", name="gateway down") == 200
    assert await do(browser, "choose", name="no such fault") == 400
    assert chosen == ["gateway down"]
    assert [f["chosen"] for f in (await seen(browser))["panel"]] == [False, True]


async def test_the_page_is_self_contained_and_shut_to_other_sites(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    twin.say("</script><script>alert(1)</script>")
    async with browser.get("/") as answer:
        html = await answer.text()
    assert "<script>alert" not in html
    assets = re.findall(r'(?:src|href)="(/[^"]+)"', html)
    assert assets == ["/page/page.css", "/page/app.js"]
    for asset in [*assets, "/page/blocks.js", "/page/mrkdwn.js", "/page/state.js"]:
        async with browser.get(asset) as answer:
            assert answer.status == 200
            assert "https://" not in await answer.text()
    async with browser.get("/page/..%2Ftwin.py") as answer:
        assert answer.status == 404
    async with browser.post("/page/do", data={"action": "type"}) as answer:
        assert answer.status == 415


async def test_a_permalink_leads_to_the_thread_on_the_page(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    ts = twin.say("it hangs").ts
    link = twin.chat.permalink(twin.messages()[0])
    async with browser.get(link, allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"/?channel={INCIDENT}&thread={ts}"


async def test_a_thread_reads_well_in_a_terminal(twin: SlackTwin, app: AsyncApp) -> None:
    await twin.slash("app01")
    message = (await twin.wait_for(twin.messages))[0]
    text = twin.thread_as_text(INCIDENT, message.ts)
    assert text.splitlines()[1:] == [
        "🔴 Replies to `app01` are lost <b> @alice docs (https://example.com)",
        "Host: `esx07`",
        "Where      Requests",
        "─────────  ────────",
        "vmnic1-tx  14",
        "[Run again]",
        "Job `k3f9`",
    ]


async def test_the_home_tab_is_shown_with_the_direct_messages(
    twin: SlackTwin, browser: aiohttp.ClientSession
) -> None:
    app = new_app(twin)

    @app.event("app_home_opened")
    async def publish(event: Json, client: AsyncWebClient) -> None:
        view = {"type": "home", "blocks": BLOCKS[:1]}
        await client.views_publish(user_id=event["user"], view=view)

    async with by_socket(twin, app):
        assert await do(browser, "open_home", user=BOB) == 200
        await twin.wait_for(lambda: twin.space.homes)
    state = await seen(browser, BOB)
    assert state["home"]["body"]["blocks"][0]["type"] == "section"
    assert [c["name"] for c in state["channels"] if c["kind"] == "im"] == ["arpcheck"]
    assert (await seen(browser))["home"] is None


async def test_only_what_slack_would_resolve_calls_somebody(twin: SlackTwin) -> None:
    quiet = twin.say("@channel &lt;!channel&gt; @alice")
    assert twin.pings(quiet) == set()
    loud = twin.say(f"<!channel> <@{ALICE}|alice> <!subteam^S01NETONC> <https://x|@here>")
    assert twin.pings(loud) == {"@channel", ALICE, "S01NETONC"}
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"<@{BOB}>"}}
    rich = [{"type": "broadcast", "range": "here"}]
    part = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": rich}]}
    loud.blocks = [
        section,
        part,
        {"type": "header", "text": {"type": "plain_text", "text": "<!here>"}},
    ]
    assert twin.pings(loud) == {BOB, "@here"}


@pytest.mark.needs_browser
async def test_a_person_types_presses_and_fills_in_on_the_page(
    twin: SlackTwin, app: AsyncApp
) -> None:
    path = chromium()
    assert path is not None
    async with open_browser(path) as window:
        await window.show(twin.url)
        await _type(window, "/arpcheck app01")
        await window.until("document.querySelector('.message td').textContent === 'vmnic1-tx'")
        text = await window.run("document.querySelector('.message .section .text').innerHTML")
        assert "<strong>Replies to <code>app01</code> are lost</strong> &lt;b&gt;" in text
        assert '<span class="mention you">@alice</span>' in text
        await window.run("document.querySelector('.message .actions button').click()")
        await window.until("document.querySelector('dialog.confirm').open")
        await window.run("document.querySelector('dialog.confirm .primary').click()")
        await window.until("document.querySelector('.replies b').textContent === '1 reply'")
        await _type(window, "/arpcheck")
        await window.until("document.getElementById('dialog').open")
        for name, told in (("bad", "No such VM"), ("app02", None)):
            await window.run(f"document.querySelector('#dialog input').value = '{name}'")
            await window.run("document.querySelector('#dialog form').requestSubmit()")
            if told:
                await window.until("document.querySelector('#dialog .error')")
                assert await window.run("document.querySelector('#dialog input').value") == name
        await window.until("!document.getElementById('dialog').open")
        assert window.complaints == []
        assert (await window.picture()).startswith(b"\x89PNG")


async def _type(window: Browser, text: str) -> None:
    await window.run(f"document.getElementById('text').value = {text!r}")
    await window.run("document.getElementById('composer').requestSubmit()")
