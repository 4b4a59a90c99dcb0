"""Several files turned into one message of a thread, shared at most once.

Slack's way (files.getUploadURLExternal, the bytes, files.completeUploadExternal): the first two steps
leave nothing visible and may be repeated; the last one shares, asynchronously and without a message
ts, so it is never sent again once it may have been done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from workers.errors import SlackRefused, SlackUnreachable
from workers.slack.calls import Guard, Unclear, call, part, persist, status_trouble
from workers.slack.reading import has_file

LOOKS = 4
FIRST_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Upload:
    """A file for a thread; ``alt`` describes a picture to those who cannot see it."""

    name: str
    content: bytes = field(repr=False)
    title: str = ""
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, by its parent's ts, and what is said above the files."""

    channel: str
    thread_ts: str
    comment: str = ""


async def share(
    client: AsyncWebClient, where: Place, files: Sequence[Upload], guard: Guard | None = None
) -> None:
    """Upload the files and share them in one message; ``guard`` is awaited before each try.

    Raises:
        SlackRefused: Slack does not take them, such as missing_scope or not_in_channel.
        SlackUnreachable: they are not surely in the thread.
    """
    ids = [{"id": await _upload(client, file), "title": file.title or file.name} for file in files]
    try:
        await call(
            client.files_completeUploadExternal,
            repeatable=False,
            guard=guard,
            files=ids,
            channel_id=where.channel,
            thread_ts=where.thread_ts,
            initial_comment=where.comment or None,
        )
    except Unclear:
        if not await _is_shared(client, where, ids[0]["id"]):
            raise SlackUnreachable(
                "Slack did not confirm the upload: the files may be missing from the thread.",
                retry=False,
            ) from None


async def _upload(client: AsyncWebClient, file: Upload) -> str:
    """Hand the bytes to Slack; returns the file's id, still invisible to people."""

    async def send() -> dict[str, Any]:
        place = await call(
            client.files_getUploadURLExternal,
            repeatable=True,
            filename=file.name,
            length=len(file.content),
            alt_txt=file.alt or None,
        )
        session = client.session
        assert session is not None, "the edge opens its session before it uploads"  # noqa: S101
        async with session.post(
            part(place, "upload_url"),
            data=file.content,
            headers={"Content-Type": "application/octet-stream"},
            proxy=client.proxy,
            ssl=client.ssl or True,
        ) as answer:
            await answer.read()
            trouble = status_trouble("the upload", answer.status, answer.headers.get("Retry-After"))
            if trouble is not None:
                raise trouble
            if answer.status != 200:  # noqa: PLR2004
                raise SlackRefused(
                    f"Slack refused the upload with HTTP status {answer.status}.",
                    reason="upload_failed",
                )
        return place

    return part(await persist("the upload", send, repeatable=True), "file_id")


async def _is_shared(client: AsyncWebClient, where: Place, file_id: str) -> bool:
    """Whether the thread shows the file; False too where it may not be read.

    Slack shares after it has answered, so the thread is read several times.
    """
    for number in range(LOOKS):
        await asyncio.sleep(FIRST_LOOK_SECONDS * 2**number)
        try:
            if await has_file(client, where.channel, where.thread_ts, "id", file_id):
                return True
        except (SlackRefused, SlackUnreachable):
            return False
    return False
