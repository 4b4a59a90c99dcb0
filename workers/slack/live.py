"""A stream of states turned into few edits of one message: the newest wins, the last one arrives.

Slack allows about 50 edits a minute (chat.update, tier 3, per workspace and app) and asks for no more
than one every 2 to 3 seconds to a message; states that come faster are skipped over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from workers.arp.summary import Message
from workers.errors import CheckError, SlackRefused
from workers.slack.calls import Guard

if TYPE_CHECKING:
    from workers.slack.edge import Slack

EDIT_GAP_SECONDS = 2.5
LAST_GAP_SECONDS = 2.2
"""The last state waits no longer than this: by then the answer stands in the thread already."""
SHARED_GAP_SECONDS = 1.4
"""With many messages at once each waits longer: 60 s / 1.4 s stays below 50 edits a minute."""

GONE = "message_not_found"
"""What Slack says of a message that somebody deleted."""

log = logging.getLogger(__name__)


class LiveMessage:
    """One message that follows a check; ``gap_seconds`` is the least time between two edits.

    ``guard`` is awaited before each edit; what it raises ends the edit, and ``close`` lets it through.
    """

    def __init__(
        self,
        slack: Slack,
        channel: str,
        ts: str,
        *,
        gap_seconds: float = EDIT_GAP_SECONDS,
        guard: Guard | None = None,
    ) -> None:
        self._slack = slack
        self._guard = guard
        self._channel = channel
        self._ts = ts
        self._gap_seconds = gap_seconds
        self._next: Message | None = None
        self._shown: Message | None = None
        self._last_edit = -gap_seconds
        self._editing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        slack.following.add(self)
        self.trouble: CheckError | None = None
        """Why the last edit failed, such as message_not_found; None after one that worked."""

    @property
    def is_gone(self) -> bool:
        """Whether the last edit found that somebody deleted the message."""
        return isinstance(self.trouble, SlackRefused) and self.trouble.reason == GONE

    def show(self, message: Message) -> None:
        """Show this state soon; returns at once, and a newer state may take its place."""
        self._next = message
        if self._editing is None or self._editing.done():
            self._editing = asyncio.create_task(self._edit())

    async def close(self, message: Message | None = None) -> None:
        """Show the last state (or the newest one shown) and stop following.

        Raises:
            SlackRefused, SlackUnreachable: the last state could not be shown.
        """
        last = message or self._next
        self._next = None
        self._closing.set()
        self._slack.following.discard(self)
        if self._editing is not None:
            await asyncio.wait({self._editing})  # an edit on its way must not arrive after ours
            self._editing = None
        if last is not None and last != self._shown:
            gap = min(self._gap_seconds, LAST_GAP_SECONDS)
            await asyncio.sleep(self._last_edit + gap - asyncio.get_running_loop().time())
            await self._slack.edit(self._channel, self._ts, last, guard=self._guard)
            self._shown = last

    async def drop(self) -> None:
        """Show nothing more: the message belongs to somebody else now."""
        self._next = None
        if self._editing is not None:
            self._editing.cancel()
            await asyncio.wait({self._editing})
            self._editing = None

    async def _edit(self) -> None:
        clock = asyncio.get_running_loop()
        while self._next is not None:
            gap = max(self._gap_seconds, SHARED_GAP_SECONDS * (len(self._slack.following) - 1))
            pause = max(0.0, self._last_edit + gap - clock.time())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            message, self._next = self._next, None
            if message is None or message == self._shown:
                continue
            self._last_edit = clock.time()
            try:
                await self._slack.edit(self._channel, self._ts, message, guard=self._guard)
                self._shown, self.trouble = message, None
            except CheckError as trouble:
                # Progress is a courtesy: the check goes on, and close() tells of lasting trouble.
                self.trouble = trouble
                log.warning("progress could not be shown: %s", trouble.sentence)
