"""Calls in, 429 out where a method is called more often than the rate it was given.

Off by default. Slack documents tiers per method, workspace and app (tier 1: 1+, 2: 20+, 3: 50+,
4: 100+ calls a minute) and, for chat.postMessage, about one a second per channel with short bursts.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from dataclasses import dataclass

from tests.lab.slack.state import ApiError

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}


@dataclass(frozen=True)
class Rate:
    """At most ``calls`` within any ``seconds``; counted per channel where ``per_channel``."""

    calls: int
    seconds: float
    per_channel: bool = False


class Rates:
    """The rates in force, by method; empty = nothing is limited."""

    def __init__(self) -> None:
        self.limits: dict[str, Rate] = {}
        self.refused = 0
        self._seen: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def enforce(
        self, method: str, calls: int, seconds: float, *, per_channel: bool = False
    ) -> None:
        self.limits[method] = Rate(calls, seconds, per_channel)

    def enforce_tier(self, method: str, tier: int) -> None:
        self.enforce(method, TIERS[tier], 60)

    def enforce_like_slack(self) -> None:
        """Put in force what Slack documents for the methods a bot calls most."""
        self.enforce("chat.postMessage", 5, 5, per_channel=True)
        for method in ("chat.update", "chat.delete", "conversations.replies", "conversations.info"):
            self.enforce_tier(method, 3)
        for method in (
            "files.completeUploadExternal",
            "chat.postEphemeral",
            "users.info",
            "views.open",
        ):
            self.enforce_tier(method, 4)

    def count(self, method: str, channel: str) -> None:
        limit = self.limits.get(method)
        if limit is None:
            return
        now = time.monotonic()
        seen = self._seen[method, channel if limit.per_channel else ""]
        while seen and now - seen[0] >= limit.seconds:
            seen.popleft()
        if len(seen) >= limit.calls:
            self.refused += 1
            raise ApiError(
                "ratelimited", retry_after=math.ceil(limit.seconds - (now - seen[0])) or 1
            )
        seen.append(now)
