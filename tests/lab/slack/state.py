"""The words of the Slack twin: plain values for people, channels, messages, files and dialogs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """Slack's refusal of a call: ``code`` is the ``error`` of the answer, ``extra`` its other keys."""

    def __init__(self, code: str, **extra: Any) -> None:  # noqa: ANN401 - any JSON
        super().__init__(code)
        self.code = code
        self.extra = extra

    @classmethod
    def with_messages(cls, code: str, messages: list[str]) -> ApiError:
        return cls(code, response_metadata={"messages": [f"[ERROR] {line}" for line in messages]})


@dataclass
class User:
    id: str
    name: str
    real_name: str
    email: str | None = None
    is_bot: bool = False
    is_admin: bool = False
    deleted: bool = False
    bot_id: str | None = None


@dataclass
class UserGroup:
    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class Channel:
    """``kind`` is public, private or im; ``members`` are user ids; an ``im`` has the person in ``user``."""

    id: str
    name: str
    kind: str = "public"
    members: list[str] = field(default_factory=list)
    archived: bool = False
    topic: str = ""
    user: str | None = None
    read_only: bool = False
    messages: list[Message] = field(default_factory=list)


@dataclass
class Version:
    """What a message showed from ``at`` (Unix seconds) on."""

    at: float
    text: str
    blocks: list[Json]
    metadata: Json | None = None


@dataclass
class Message:
    """A message; ``versions`` holds all it ever showed, the newest last; ``only_for`` = ephemeral."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: Json | None = None
    client_msg_id: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    edited_at: str | None = None
    files: list[File] = field(default_factory=list)
    only_for: str | None = None
    broadcast: bool = False
    deleted: bool = False
    response_type: str | None = None
    versions: list[Version] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def show(self, at: float) -> None:
        """Keep what is shown now as a version."""
        shown = copy.deepcopy((self.text, self.blocks, self.metadata))
        self.versions.append(Version(at, *shown))

    def as_json(self, *, with_metadata: bool = False) -> Json:
        """Render as the Web API and the interactive payloads do."""
        body: Json = {"type": "message", "user": self.user, "ts": self.ts, "text": self.text}
        optional = {
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "client_msg_id": self.client_msg_id,
            "blocks": copy.deepcopy(self.blocks),
            "attachments": copy.deepcopy(self.attachments),
            "thread_ts": self.thread_ts,
            "files": [file.as_json() for file in self.files],
            "edited": {"user": self.user, "ts": self.edited_at} if self.edited_at else None,
            "metadata": copy.deepcopy(self.metadata) if with_metadata else None,
            "subtype": "thread_broadcast" if self.broadcast else None,
        }
        return body | {key: value for key, value in optional.items() if value}


@dataclass
class File:
    """An upload; ``shares`` maps channel id to the ts of the message that shows it."""

    id: str
    name: str
    title: str
    content: bytes = b""
    size: int = 0
    mimetype: str = ""
    alt_text: str | None = None
    user: str = ""
    created: int = 0
    complete: bool = False
    shares: dict[str, list[str]] = field(default_factory=dict)
    private_shares: set[str] = field(default_factory=set)
    base_url: str = ""

    @property
    def filetype(self) -> str:
        return self.name.rpartition(".")[2].lower() if "." in self.name else "binary"

    def as_json(self) -> Json:
        public, private = (
            {
                channel: [{"ts": ts, "channel_name": channel} for ts in stamps]
                for channel, stamps in self.shares.items()
                if (channel in self.private_shares) is is_private
            }
            for is_private in (False, True)
        )
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "mimetype": self.mimetype,
            "filetype": self.filetype if self.mimetype else "",
            "size": len(self.content),
            "user": self.user,
            "created": self.created,
            "mode": "hosted",
            "is_external": False,
            "is_public": bool(public),
            "url_private": f"{self.base_url}/files/{self.id}/{self.name}",
            "url_private_download": f"{self.base_url}/files/{self.id}/download/{self.name}",
            "permalink": f"{self.base_url}/files/{self.id}",
            "channels": list(public),
            "groups": [key for key in private if not key.startswith("D")],
            "ims": [key for key in private if key.startswith("D")],
            "shares": {k: v for k, v in (("public", public), ("private", private)) if v},
            **({"alt_txt": self.alt_text} if self.alt_text else {}),
        }


@dataclass
class View:
    """A dialog (or Home tab) as ``user`` sees it; ``open`` turns False when it is closed."""

    id: str
    user: str
    body: Json
    hash: str
    root_id: str
    previous_id: str | None = None
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)


@dataclass
class ResponseUrl:
    """A ``response_url``: 5 uses within 30 minutes; ``original`` is the message it may replace."""

    key: str
    user: str
    channel: str
    made_at: float
    original: Message | None = None
    uses: int = 0
