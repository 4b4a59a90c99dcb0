"""The twin's rates, faults and response_urls: what it limits, loses and lets expire."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.lab.slack import (
    ALICE,
    INCIDENT,
    NET_ONCALL,
    WAR_ROOM,
    SlackTwin,
)
from tests.lab.web_peer import post, refused


async def test_a_rate_is_kept_by_waiting_as_told(twin: SlackTwin, client: AsyncWebClient) -> None:
    twin.api.rates.enforce("chat.postMessage", 1, 0.5, per_channel=True)
    await post(client)
    answer = await refused(client.chat_postMessage(channel=INCIDENT, text="x"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    await post(client, channel=NET_ONCALL)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await post(client, "after waiting")
    assert twin.api.rates.refused >= 1


@pytest.mark.parametrize("kind", ["ratelimited", "http500", "invalid_blocks", "http503"])
async def test_a_fault_strikes_as_often_as_ordered(
    twin: SlackTwin, client: AsyncWebClient, kind: str
) -> None:
    twin.fail("chat.postMessage", times=2, kind=kind)
    for _ in range(2):
        answer = await refused(client.chat_postMessage(channel=INCIDENT, text="x"))
        status = {"ratelimited": 429, "http500": 500, "http503": 503}.get(kind, 200)
        assert answer.status_code == status
    assert twin.messages() == []
    await post(client)
    assert [method for method, _ in twin.api.faults.struck] == ["chat.postMessage"] * 2


@pytest.mark.parametrize(("kind", "posted"), [("lost_answer", 1), ("reset", 0)])
async def test_a_cut_connection_may_hide_a_posted_message(
    twin: SlackTwin, client: AsyncWebClient, kind: str, posted: int
) -> None:
    client.retry_handlers.clear()
    twin.fail("chat.postMessage", kind=kind)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.chat_postMessage(channel=INCIDENT, text="x")
    assert len(twin.messages()) == posted


async def test_an_answer_may_never_come_or_come_late(twin: SlackTwin) -> None:
    hasty = AsyncWebClient(twin.bot_token, base_url=twin.api_url, timeout=1)
    twin.fail("auth.test", kind="timeout")
    with pytest.raises(asyncio.TimeoutError):
        await hasty.auth_test()
    twin.fail("auth.test", kind="slow", seconds=0.05)
    assert (await hasty.auth_test())["ok"]


async def test_a_response_url_serves_five_times_within_half_an_hour(twin: SlackTwin) -> None:
    url = twin.space.new_response_url(ALICE, WAR_ROOM)
    async with aiohttp.ClientSession() as session:
        for number in range(5):
            async with session.post(url, json={"text": f"answer {number}"}) as answer:
                assert answer.status == 200
        async with session.post(url, json={"text": "once more"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "used_url")
        late = twin.space.new_response_url(ALICE, WAR_ROOM)
        now = twin.responses.clock()
        twin.responses.clock = lambda: now + 30 * 60 + 1
        async with session.post(late, json={"text": "late"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "expired_url")
    assert [m.text for m in twin.ephemerals(ALICE)] == [f"answer {n}" for n in range(5)]
