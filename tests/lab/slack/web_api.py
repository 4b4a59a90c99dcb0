"""HTTP requests under /api/ in, Slack's answers out: token, scope, rate and faults before the method."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping

from aiohttp import web

from tests.lab.slack.call import Call, Method, read_call
from tests.lab.slack.faults import Fault, Faults
from tests.lab.slack.rates import Rates
from tests.lab.slack.state import ApiError, Json
from tests.lab.slack.workspace import Workspace

HTTP_ANSWERS: Mapping[str, Callable[[], web.HTTPException]] = {
    "http404": lambda: web.HTTPNotFound(text="404: Not Found"),
    "http500": lambda: web.HTTPInternalServerError(text="Internal Server Error"),
    "http503": lambda: web.HTTPServiceUnavailable(text="upstream connect error"),
    "html": lambda: web.HTTPOk(text="<html>Sign in, guest</html>", content_type="text/html"),
}
NEEDED = {
    "auth.test": ("user_id",),
    "chat.postMessage": ("ts",),
    "chat.update": (),
    "chat.postEphemeral": (),
    "chat.getPermalink": ("permalink",),
    "apps.connections.open": ("url",),
    "files.getUploadURLExternal": ("upload_url", "file_id"),
    "files.completeUploadExternal": (),
    "conversations.replies": ("messages",),
    "conversations.history": ("messages",),
}


class WebApi:
    """The Web API; ``calls`` lists every call that was accepted for reading, in order.

    A method taken out of ``methods`` is unknown to this Slack (``unknown_is_404``: with HTTP status 404,
    as a gateway answers); ``sparse`` answers have nothing but the
    fields without which they would say nothing.
    """

    def __init__(self, methods: dict[str, Method], space: Workspace) -> None:
        self.methods, self.space = methods, space
        self.bot_token = "xoxb-1111111111-2222222222-labBotToken0000000000"
        self.app_token = "xapp-1-A0ARPCHK1-3333333333-labAppToken000000000000"
        self.revoked: set[str] = set()
        self.faults = Faults()
        self.rates = Rates()
        self.calls: list[Call] = []
        self.sparse = False
        self.unknown_is_404 = False
        self.stopping = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        headers = {"x-slack-req-id": f"lab{len(self.calls)}"}
        fault = self.faults.take(name)
        try:
            call = await read_call(name, request)
            self.calls.append(call)
            headers |= self._authorize(call)
            if fault is not None and not fault.after:
                await self._suffer(fault, request)
            self.rates.count(name, call.text("channel"))
            answer = self.methods[name].answer(call)
            body: Json = {"ok": True} | (await answer if inspect.isawaitable(answer) else answer)
        except ApiError as trouble:
            return _refusal(trouble, headers)
        if fault is not None and fault.after:
            await self._suffer(fault, request)
        if self.sparse and name in NEEDED:
            body = {"ok": True} | {key: body[key] for key in NEEDED[name] if key in body}
        return web.json_response(body, headers=headers)

    def _authorize(self, call: Call) -> dict[str, str]:
        """Check token and scope; gives the scope headers that every answer carries."""
        method = self.methods.get(call.method)
        if method is None and self.unknown_is_404:
            raise web.HTTPNotFound(text="404: Not Found")
        if method is None:
            raise ApiError("unknown_method", req_method=call.method)
        if call.method == "api.test":
            return {}
        if call.method == "apps.connections.open":
            self._check_token(call.token, self.app_token, self.bot_token)
            return {"x-oauth-scopes": "connections:write"}
        self._check_token(call.token, self.bot_token, self.app_token)
        call.scopes = set(self.space.scopes)
        if method.scope:
            call.need(method.scope)
        return {
            "x-oauth-scopes": ",".join(sorted(self.space.scopes)),
            "x-accepted-oauth-scopes": method.scope or "",
        }

    def _check_token(self, token: str, wanted: str, other: str) -> None:
        if not token:
            raise ApiError("not_authed")
        if token in self.revoked:
            raise ApiError("token_revoked")
        if token == other:
            raise ApiError("not_allowed_token_type")
        if token != wanted:
            raise ApiError("invalid_auth")

    async def _suffer(self, fault: Fault, request: web.Request) -> None:
        """Do what the fault says; returns only where the call goes on."""
        if fault.kind == "ratelimited":
            raise ApiError("ratelimited", retry_after=fault.retry_after)
        if fault.kind in HTTP_ANSWERS:
            answer = HTTP_ANSWERS[fault.kind]
            raise answer()
        if fault.kind == "slow":
            await self._wait(fault.seconds)
        elif fault.kind == "timeout":
            await self._wait(3600)
            raise web.HTTPGatewayTimeout
        elif fault.kind in {"reset", "lost_answer"}:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the lab cut this connection")
        else:
            raise ApiError.with_messages(fault.kind, ["made to fail by the lab"])

    async def _wait(self, seconds: float) -> None:
        """Hold the answer back, but never longer than the twin lives."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


def _refusal(trouble: ApiError, headers: dict[str, str]) -> web.Response:
    extra = dict(trouble.extra)
    status = 200
    if trouble.code == "ratelimited":
        status = 429
        headers["Retry-After"] = str(extra.pop("retry_after", 1))
    return web.json_response(
        {"ok": False, "error": trouble.code, **extra},
        status=status,
        headers=headers,
    )
