"""The twin's Socket Mode and signed requests against slack_bolt: commands, events, retries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.bolt_peer import WAYS, Way, by_http, by_socket
from tests.lab.slack import ALICE, BOB, INCIDENT, VIRT, WAR_ROOM, SlackTwin
from tests.lab.slack.state import Json

Next = Callable[[], Awaitable[BoltResponse]]


@WAYS
async def test_a_command_is_acked_and_answered(twin: SlackTwin, app: AsyncApp, way: Way) -> None:
    @app.command("/arpcheck")
    async def answer(
        ack: AsyncAck, command: Json, client: AsyncWebClient, respond: AsyncRespond
    ) -> None:
        await ack()
        await client.chat_postMessage(channel=command["channel_id"], text=command["text"])
        await respond(text="only you", response_type="ephemeral")

    async with way(twin, app):
        typed = await twin.slash("app01 10.20.110.1")
        assert typed.delivery.ack.ok
        assert typed.acked_after < 3
        assert typed.ephemerals == []
        await twin.wait_for(lambda: twin.ephemerals(ALICE, INCIDENT))
    assert [m.text for m in twin.messages()] == ["app01 10.20.110.1"]


@WAYS
async def test_an_ack_with_text_is_seen_by_its_author_only(
    twin: SlackTwin, app: AsyncApp, way: Way
) -> None:
    @app.command("/arpcheck")
    async def refuse(ack: AsyncAck) -> None:
        await ack("Not here, please.")

    async with way(twin, app):
        typed = await twin.slash("app01", channel=WAR_ROOM)
    assert [m.text for m in typed.ephemerals] == ["Not here, please."]
    assert [m.text for m in twin.ephemerals(ALICE, WAR_ROOM)] == ["Not here, please."]
    assert twin.ephemerals(BOB) == []
    assert twin.messages(WAR_ROOM) == []


async def test_a_silent_app_and_an_absent_one_are_told_to_the_author(
    twin: SlackTwin, app: AsyncApp
) -> None:
    typed = await twin.slash("app01")
    assert "dispatch_failed" in typed.ephemerals[0].text

    @app.command("/arpcheck")
    async def silent() -> None:
        """Never ack."""

    twin.socket.ack_seconds = 0.1
    async with by_socket(twin, app):
        typed = await twin.slash("app01")
    assert "operation_timeout" in typed.ephemerals[0].text


@WAYS
async def test_an_unacked_event_comes_again_with_the_same_id(
    twin: SlackTwin, app: AsyncApp, way: Way
) -> None:
    seen: list[str] = []

    @app.middleware
    async def deaf_at_first(body: Json, next_: Next) -> None:
        seen.append(body["event_id"])
        if len(seen) < 3:
            raise RuntimeError("not now")
        await next_()

    @app.error
    async def quiet(error: Exception) -> BoltResponse:
        return BoltResponse(status=500, body="")

    @app.event("app_mention")
    async def hear(event: Json) -> None:
        """Ack by returning."""

    twin.socket.ack_seconds = 0.1
    async with way(twin, app):
        message, delivery = await twin.mention("app01", thread_ts=twin.say("it hangs").ts)
        assert delivery is not None
        await twin.wait_for(lambda: delivery.ack.ok)
    assert message.is_reply
    assert len(seen) == delivery.tries == 3
    assert len(set(seen)) == 1


async def test_a_mention_where_the_bot_is_not_reaches_nobody(
    twin: SlackTwin, app: AsyncApp
) -> None:
    async with by_socket(twin, app):
        assert (await twin.mention("app01", channel=VIRT))[1] is None
    assert twin.deliveries.sent == []


async def test_each_payload_goes_to_one_of_several_connections(
    twin: SlackTwin, app: AsyncApp
) -> None:
    count = 0

    @app.command("/arpcheck")
    async def answer(ack: AsyncAck) -> None:
        nonlocal count
        count += 1
        await ack()

    async with by_socket(twin, app), by_socket(twin, app):
        twin.space.random.seed(7)
        for _ in range(12):
            await twin.slash("app01")
        shares = [len(connection.received) for connection in twin.socket.connections]
    assert count == sum(shares) == 12
    assert all(shares)


async def test_a_refresh_makes_the_client_connect_anew(twin: SlackTwin, app: AsyncApp) -> None:
    @app.command("/arpcheck")
    async def answer(ack: AsyncAck) -> None:
        await ack()

    async with by_socket(twin, app):
        first = twin.socket.connections[0]
        await twin.socket.refresh()
        await twin.wait_for(lambda: twin.socket.connections not in ([], [first]))
        assert (await twin.slash("app01")).delivery.ack.ok


async def test_a_cut_connection_is_gone_at_once(twin: SlackTwin, app: AsyncApp) -> None:
    async with by_socket(twin, app):
        first = twin.socket.connections[0]
        await twin.socket.drop()
        await twin.wait_for(lambda: first not in twin.socket.connections)


async def test_a_payload_can_be_repeated_and_delayed(twin: SlackTwin, app: AsyncApp) -> None:
    triggers = []

    @app.command("/arpcheck")
    async def answer(ack: AsyncAck, command: Json) -> None:
        triggers.append(command["trigger_id"])
        await ack()

    async with by_socket(twin, app):
        twin.redeliver_next()
        twin.delay_next(0.05)
        typed = await twin.slash("app01")
        await twin.slash("app01")
    assert typed.delivery.tries == 2
    assert triggers[0] == triggers[1] != triggers[2]


@pytest.mark.parametrize("wrong", ["wrong_signatures", "old_timestamps"])
async def test_a_wrong_signature_is_the_apps_to_refuse(
    twin: SlackTwin, app: AsyncApp, wrong: str
) -> None:
    @app.command("/arpcheck")
    async def answer(ack: AsyncAck) -> None:
        await ack()

    async with by_http(twin, app):
        setattr(twin.http, wrong, 1)
        assert (await twin.slash("app01")).delivery.ack.error == "http_401"
        assert (await twin.slash("app01")).delivery.ack.ok
