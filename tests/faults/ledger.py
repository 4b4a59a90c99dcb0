"""Everything the bot said in the lab's Slack, turned into who was told what, how often."""

from __future__ import annotations

from collections import Counter

from tests.lab.lab import Lab
from tests.lab.slack import INCIDENT, Message


class Ledger:
    """Reads the lab's Slack from ``since`` on; a job is named by the key of its posts."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._known = {id(message) for message in self._all()}

    def _all(self) -> list[Message]:
        channels = self._lab.slack.space.channels.values()
        return [m for channel in channels for m in channel.messages if m.bot_id]

    def posts(self) -> list[Message]:
        """All messages of the bot in channels and direct messages, the oldest first."""
        return [message for message in self._all() if id(message) not in self._known]

    def keys(self) -> Counter[str]:
        """How often each post was made; more than once is a doubled post."""
        return Counter(key for message in self.posts() if (key := key_of(message)))

    def doubled(self) -> list[str]:
        """Posts and files that were made more than once."""
        files = Counter(f.name for f in self._lab.slack.files for _ in shares(f.shares))
        both = self.keys() + files
        return sorted(name for name, count in both.items() if count > 1)

    def roots(self) -> dict[str, Message]:
        """The root message of each job by its id."""
        return {
            key.removesuffix(":root"): message
            for message in self.posts()
            if (key := key_of(message)).endswith(":root")
        }

    def answers(self, job_id: str) -> list[Message]:
        """The final answers of a job."""
        return [m for m in self.posts() if key_of(m) == f"{job_id}:verdict"]

    def answered(self, job_id: str) -> bool:
        """Whether the answer stands there and the root message shows the end of it."""
        root = self.roots()[job_id]
        return bool(self.answers(job_id)) and not is_running(root)

    def only_job(self) -> str:
        """The id of the one job that was asked for."""
        (job_id,) = self.roots()
        return job_id

    def history(self, job_id: str) -> list[str]:
        """All that the root message ever showed."""
        root = self.roots()[job_id]
        return [version.text for version in self._lab.slack.history_of(INCIDENT, root.ts)]


def key_of(message: Message) -> str:
    payload = (message.metadata or {}).get("event_payload") or {}
    return str(payload.get("key", ""))


def is_running(root: Message) -> bool:
    """A check that runs has a Cancel button."""
    return any(block["type"] == "actions" for block in root.blocks)


def shares(by_channel: dict[str, list[str]]) -> list[str]:
    return [ts for stamps in by_channel.values() for ts in stamps]
