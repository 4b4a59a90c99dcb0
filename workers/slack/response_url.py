"""Answers one person through the address that Slack gives with a command or an action.

Such an address is no method of Slack's API: it takes JSON, answers in text, and is used up after five
answers or thirty minutes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from workers.arp.summary import Message
from workers.errors import SlackRefused
from workers.slack.calls import persist, status_trouble


async def respond(
    client: AsyncWebClient, response_url: str, message: Message, thread_ts: str | None
) -> None:
    """Show a message to who was given the address; the client has its session.

    Raises:
        SlackRefused: used up or too old. SlackUnreachable: not surely shown.
    """
    body: dict[str, Any] = {
        "response_type": "ephemeral",
        "replace_original": False,
        "text": message.text,
    }
    if message.blocks:
        body["blocks"] = list(message.blocks)
    if thread_ts:
        body["thread_ts"] = thread_ts

    async def send() -> dict[str, Any]:
        assert client.session is not None, "opened by the caller"  # noqa: S101
        async with client.session.post(
            response_url, json=body, proxy=client.proxy, ssl=client.ssl or True
        ) as answer:
            said = (await answer.text())[:60]
            trouble = status_trouble("the answer", answer.status, answer.headers.get("Retry-After"))
            if trouble is not None:
                raise trouble
            if answer.status != HTTPStatus.OK or '"ok":false' in said.replace(" ", ""):
                raise SlackRefused(
                    "Slack no longer takes answers to this command.",
                    reason=said or str(answer.status),
                )
        return {}

    await persist("the answer", send, repeatable=True)
