"""Calls of slack_sdk's own client as the tests of the twin make them: posts, and what is refused."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from tests.lab.slack import INCIDENT
from tests.lab.slack.state import Json


async def refused(call: Awaitable[object]) -> AsyncSlackResponse:
    """Give the answer of a call that must be refused."""
    with pytest.raises(SlackApiError) as caught:
        await call
    answer = caught.value.response
    assert isinstance(answer, AsyncSlackResponse)
    return answer


async def post(
    client: AsyncWebClient,
    text: str = "hello",
    *,
    channel: str = INCIDENT,
    **more: Json | list[Json] | str,
) -> str:
    answer = await client.chat_postMessage(channel=channel, text=text, **more)  # type: ignore[arg-type]
    return str(answer["ts"])
