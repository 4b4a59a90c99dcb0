"""Who asks and where, turned into a permission, or into a refusal that says who may.

The law: nothing is allowed by default. Without channels every request is refused, and a user group
that cannot be read allows nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set as AbstractSet

from workers.errors import SlackRefused, SlackUnreachable
from workers.slack import Slack

ANYWHERE = "*"
GROUP_SECONDS = 60.0
"""How long a user group's members are remembered; who left it may go on for that long."""


class Access:
    """The channels and people of the settings; user groups (``S…``) are read from Slack."""

    def __init__(self, slack: Slack, channels: AbstractSet[str], users: AbstractSet[str]) -> None:
        self._slack = slack
        self._channels = frozenset(channels)
        self._users = frozenset(user for user in users if not user.startswith("S"))
        self._groups = tuple(sorted(user for user in users if user.startswith("S")))
        self._members: dict[str, tuple[float, frozenset[str]]] = {}

    async def refusal(self, user: str, channel: str) -> str | None:
        """Why this person may not ask here, as mrkdwn; None = they may."""
        return self._channel_refusal(channel) or await self.user_refusal(user)

    def _channel_refusal(self, channel: str) -> str | None:
        if not self._channels:
            return (
                "arpcheck is not enabled in any channel: whoever runs it has to name the channels"
                " in `ARPCHECK_CHANNELS`."
            )
        if ANYWHERE in self._channels or channel in self._channels:
            return None
        places = _joined([f"<#{name}>" for name in sorted(self._channels)])
        return f"arpcheck may not be used here, only in {places}."

    async def user_refusal(self, user: str) -> str | None:
        """Why this person may not ask anywhere, as mrkdwn; None = they may."""
        if user in self._users or not (self._users or self._groups):
            return None
        unread = False
        for group in self._groups:
            members = await self._group(group)
            if members is None:
                unread = True
            elif user in members:
                return None
        may = _joined(
            [f"<@{name}>" for name in sorted(self._users)]
            + [f"members of <!subteam^{name}>" for name in self._groups]
        )
        doubt = " A user group could not be read from Slack just now." if unread else ""
        return f"You may not run arpcheck. Those who may: {may}.{doubt}"

    async def _group(self, group: str) -> frozenset[str] | None:
        """A user group's members, from memory where fresh; None = Slack does not say."""
        now = asyncio.get_running_loop().time()
        read_at, members = self._members.get(group, (-GROUP_SECONDS, frozenset()))
        if now - read_at < GROUP_SECONDS:
            return members
        try:
            members = await self._slack.group_members(group)
        except (SlackRefused, SlackUnreachable):
            return None
        self._members[group] = (now, members)
        return members


def _joined(words: list[str]) -> str:
    shown = words[:10] + ([f"{len(words) - 10} more"] if len(words) > 10 else [])  # noqa: PLR2004
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
