"""The twin's dialogs, buttons, menus and shortcuts against an app built with slack_bolt."""

from __future__ import annotations

import asyncio

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.bolt_peer import WAYS, Way, by_socket
from tests.lab.slack import ALICE, BOB, INCIDENT, NotPossible, SlackTwin
from tests.lab.slack.state import Json

CONFIRM = {
    "title": {"type": "plain_text", "text": "Hand off?"},
    "text": {"type": "mrkdwn", "text": "Mentions the on-call group."},
}
BUTTONS: list[Json] = [
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "again",
                "text": {"type": "plain_text", "text": "Run again"},
                "value": "k3f9",
            },
            {
                "type": "button",
                "action_id": "hand_off",
                "text": {"type": "plain_text", "text": "Hand off"},
                "confirm": CONFIRM,
            },
        ],
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "options",
    "private_metadata": "k3f9",
    "title": {"type": "plain_text", "text": "Check ARP"},
    "submit": {"type": "plain_text", "text": "Check"},
    "blocks": [
        {
            "type": "input",
            "block_id": "vm",
            "label": {"type": "plain_text", "text": "VM"},
            "element": {"type": "plain_text_input", "action_id": "name"},
        },
        {
            "type": "input",
            "block_id": "more",
            "optional": True,
            "label": {"type": "plain_text", "text": "Target"},
            "element": {
                "type": "static_select",
                "action_id": "target",
                "options": [{"text": {"type": "plain_text", "text": "Gateway"}, "value": "gw"}],
            },
        },
    ],
}


@WAYS
async def test_a_dialog_opens_complains_and_closes(
    twin: SlackTwin, app: AsyncApp, way: Way
) -> None:
    filled: list[tuple[str, Json]] = []

    @app.command("/arpcheck")
    async def ask(ack: AsyncAck, command: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=MODAL)

    @app.view("options")
    async def take(ack: AsyncAck, view: Json) -> None:
        values = view["state"]["values"]
        filled.append((values["vm"]["name"]["value"], values["more"]["target"]["selected_option"]))
        if values["vm"]["name"]["value"] == "?":
            await ack(response_action="errors", errors={"vm": "No such VM"})
        else:
            await ack()

    async with way(twin, app):
        await twin.slash("")
        view = await twin.wait_for(twin.view_of)
        assert view.body["private_metadata"] == "k3f9"
        await twin.submit(view, {"VM": "?"})
        assert view.errors == {"vm": "No such VM"}
        assert view.open
        await twin.submit(view, {"name": "app01", "target": "gw"})
    assert not view.open
    assert [vm for vm, _ in filled] == ["?", "app01"]
    assert filled[1][1]["value"] == "gw"


async def test_a_trigger_opens_one_dialog_and_soon(twin: SlackTwin, app: AsyncApp) -> None:
    trigger = twin.space.new_trigger(ALICE)
    view = (await app.client.views_open(trigger_id=trigger, view=MODAL))["view"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await app.client.views_open(trigger_id=trigger, view=MODAL)
    await app.client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await app.client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)
    twin.views.trigger_seconds = 0
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await app.client.views_open(trigger_id=twin.space.new_trigger(ALICE), view=MODAL)


async def test_a_click_asks_first_where_it_should(twin: SlackTwin, app: AsyncApp) -> None:
    clicks: list[Json] = []

    @app.action("again")
    @app.action("hand_off")
    async def clicked(ack: AsyncAck, body: Json) -> None:
        await ack()
        clicks.append(body)

    async with by_socket(twin, app):
        await app.client.chat_postMessage(channel=INCIDENT, text="verdict", blocks=BUTTONS)
        message = twin.messages()[0]
        denied = await twin.press(message, "Hand off", confirm=False)
        assert denied.confirm == CONFIRM
        assert denied.deliveries == []
        await twin.press(message, "hand_off", user=BOB)
        await twin.press(message, "Run again", times=2)
        await twin.wait_for(lambda: len(clicks) == 3)
        with pytest.raises(NotPossible, match="no such button"):
            await twin.press(message, "no such button")
    assert clicks[0]["user"]["id"] == BOB
    assert clicks[0]["message"]["ts"] == message.ts
    assert clicks[1]["actions"][0]["value"] == "k3f9"
    assert clicks[1]["trigger_id"] != clicks[2]["trigger_id"], "two clicks, not one sent twice"


async def test_an_ephemeral_answer_can_be_replaced_and_taken_away(
    twin: SlackTwin, app: AsyncApp
) -> None:
    @app.command("/arpcheck")
    async def offer(ack: AsyncAck) -> None:
        await ack(text="which one?", blocks=BUTTONS)

    @app.action("again")
    async def chosen(ack: AsyncAck, respond: AsyncRespond, body: Json) -> None:
        await ack()
        assert "message" not in body, "Slack keeps no copy of an ephemeral message"
        await respond(text="taken", replace_original=True, blocks=BUTTONS)
        await respond(text="", delete_original=True)

    async with by_socket(twin, app):
        asked = (await twin.slash("app")).ephemerals[0]
        await twin.press(asked, "again")
        await twin.wait_for(lambda: asked.deleted)
    assert [version.text for version in asked.versions] == ["which one?", "taken"]
    assert twin.ephemerals() == []


async def test_a_shortcut_carries_its_message(twin: SlackTwin, app: AsyncApp) -> None:
    got: asyncio.Queue[Json] = asyncio.Queue()

    @app.shortcut("arpcheck_message")
    async def take(ack: AsyncAck, shortcut: Json) -> None:
        await ack()
        await got.put(shortcut)

    async with by_socket(twin, app):
        said = twin.say("app01 hangs", user=BOB)
        await twin.shortcut("arpcheck_message", said.ts)
        payload = await asyncio.wait_for(got.get(), 5)
    assert payload["message"]["text"] == "app01 hangs"
    assert payload["channel"] == {"id": INCIDENT, "name": "incident"}
