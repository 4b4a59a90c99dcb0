"""One HTTP request to the Web API in, a ``Call`` with typed arguments out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.lab.slack.state import ApiError, Json

JSON_ARGUMENTS = {"blocks", "attachments", "metadata", "view", "files", "blocks_hash"}
TRUE = {"true", "1", "yes"}


@dataclass
class Call:
    """A call of one Web API method; ``args`` are those of the query, form or JSON body."""

    method: str
    args: Json
    token: str = ""
    scopes: set[str] = field(default_factory=set)

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return default if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.args.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value).lower() in TRUE

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise ApiError("invalid_arguments") from None

    def need(self, scope: str) -> None:
        """Refuse the call unless the token was granted ``scope``."""
        if scope not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise ApiError("missing_scope", needed=scope, provided=provided)

    def need_for(self, family: str, kind: str) -> None:
        """Refuse unless granted ``channels:…``, ``groups:…`` or ``im:…``, as the channel's kind asks."""
        prefix = {"public": "channels", "private": "groups", "im": "im"}[kind]
        self.need(f"{prefix}:{family}")


@dataclass(frozen=True)
class Method:
    """What answers a Web API method; ``scope`` None = any valid bot token will do."""

    answer: Callable[[Call], Json | Awaitable[Json]]
    scope: str | None = None


async def read_call(method: str, request: web.Request) -> Call:
    """Read arguments and token the way Slack does: body over query, header over argument."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = await request.json()
        except json.JSONDecodeError:
            raise ApiError("invalid_json") from None
        if not isinstance(body, dict):
            raise ApiError("json_not_object")
        args |= body
    elif request.can_read_body:
        args |= {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
    for name in JSON_ARGUMENTS & args.keys():
        if isinstance(args[name], str):
            args[name] = _parsed(name, args[name])
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() or str(args.get("token", ""))
    return Call(method, args, token)


def _parsed(name: str, value: str) -> Any:  # noqa: ANN401 - any JSON
    if not value:
        return None
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        code = {"blocks": "invalid_blocks_format", "metadata": "invalid_metadata_format"}.get(name)
        raise ApiError(code or "invalid_arguments") from None
