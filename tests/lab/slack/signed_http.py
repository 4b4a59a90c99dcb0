"""Payloads in, signed HTTP requests to the app's request URL out (signing secret, version v0)."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from tests.lab.slack.delivery import ACK_SECONDS, Ack, Delivery
from tests.lab.slack.state import Json


class SignedHttp:
    """Posts to ``request_url`` when one is set.

    ``wrong_signatures`` next requests carry a wrong signature; ``old_timestamps`` next ones a correct
    signature ten minutes old.
    """

    def __init__(self, signing_secret: str) -> None:
        self.signing_secret = signing_secret
        self.request_url: str | None = None
        self.ack_seconds = ACK_SECONDS
        self.wrong_signatures = 0
        self.old_timestamps = 0

    async def send(self, delivery: Delivery, retry: int, reason: str) -> Ack:
        if self.request_url is None:
            return Ack(error="no_way")
        body, content_type = _encoded(delivery)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0", **self._signed(body)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": f"http_{reason}"}
        timeout = aiohttp.ClientTimeout(total=self.ack_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.request_url, data=body.encode(), headers=headers) as answer,
            ):
                return _ack(answer.status, await answer.text())
        except TimeoutError:
            return Ack(error="timeout")
        except aiohttp.ClientError:
            return Ack(error="connection_failed")

    def _signed(self, body: str) -> dict[str, str]:
        timestamp = str(int(time.time()))
        if self.old_timestamps > 0:
            self.old_timestamps -= 1
            timestamp = str(int(time.time()) - 600)
        base = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        if self.wrong_signatures > 0:
            self.wrong_signatures -= 1
            digest = "0" * len(digest)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def _encoded(delivery: Delivery) -> tuple[str, str]:
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload), "application/json"
    form: Json = delivery.payload
    if delivery.kind == "interactive":
        form = {"payload": json.dumps(delivery.payload)}
    return urlencode(form), "application/x-www-form-urlencoded"


def _ack(status: int, text: str) -> Ack:
    if not 200 <= status < 300:
        return Ack(text, error=f"http_{status}")
    try:
        return Ack(json.loads(text) if text.strip() else "")
    except json.JSONDecodeError:
        return Ack(text)
