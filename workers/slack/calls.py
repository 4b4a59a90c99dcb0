"""One call of Slack's Web API turned into its answer, or into SlackRefused or SlackUnreachable.

The law: a call is sent again only where that cannot do its work twice. A rate limit (429) or a
connection that was never made left nothing behind; after a 5xx, a timeout or a cut connection Slack
may have done it, and only a call marked repeatable is sent again. Tokens and upload addresses never
get into an error's text: errors of the HTTP client are named by their type.

A ``Guard`` is awaited before each try: waiting out a rate limit can take minutes, and whoever has
lost the right to speak meanwhile raises there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from workers.errors import SlackRefused, SlackUnreachable
from workers.health import SLACK_ERRORS

TRIES = 4
FIRST_PAUSE_SECONDS = 0.5
LONGEST_LIMIT_SECONDS = 120.0
"""All waiting for rate limits within one call; Slack's own advice is mostly 1 to 30 s."""

_LIMITED = {"ratelimited", "rate_limited"}
_OWN_TROUBLE = {
    "accesslimited",
    "fatal_error",
    "internal_error",
    "request_timeout",
    "service_unavailable",
}
"""Slack's error codes that say nothing about our request (docs.slack.dev, errors of each method)."""

Guard = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Unclear(SlackUnreachable):
    """Slack may or may not have done what was asked."""


class NotDone(Exception):
    """Slack certainly did nothing; ``seconds`` is the wait it asked for, None = a short pause."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


async def call(
    method: Callable[..., Awaitable[AsyncSlackResponse]],
    *,
    repeatable: bool,
    guard: Guard | None = None,
    **arguments: Any,  # noqa: ANN401  (each method of slack_sdk has its own)
) -> dict[str, Any]:
    """Slack's answer to one method of slack_sdk's client, with ``ok`` true.

    Raises:
        SlackRefused: Slack answered with an error of ours.
        Unclear: not repeatable, and Slack may have done it.
        SlackUnreachable: it was surely not done, or not surely done, after all tries.
    """
    name = getattr(method, "__name__", "call").replace("_", ".", 1)

    async def send() -> dict[str, Any]:
        if guard is not None:
            await guard()
        try:
            answer = await method(**arguments)
        except SlackApiError as error:
            raise _told(name, error) from None
        except (
            AttributeError
        ):  # status 200; slack_sdk reads an answer in plain text as if it were JSON
            raise Unclear(f"Slack's answer to {name} was no JSON.", retry=True) from None
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    return await persist(name, send, repeatable=repeatable)


def part(answer: Mapping[str, Any], *path: str) -> str:
    """A field that an answer must have.

    Raises:
        Unclear: it has not, so what Slack did is not known.
    """
    value: Any = answer
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not value:
        raise Unclear(f"Slack's answer has no {'.'.join(path)}.", retry=True)
    return str(value)


async def persist(
    name: str, send: Callable[[], Awaitable[dict[str, Any]]], *, repeatable: bool
) -> dict[str, Any]:
    """Run ``send`` until it works, as often and as long as the law above allows."""
    waited = 0.0
    tries = 0
    while True:
        try:
            return await _sent(name, send)
        except NotDone as trouble:
            last: SlackUnreachable = SlackUnreachable(str(trouble), retry=True)
            seconds = trouble.seconds
        except Unclear as trouble:
            if not repeatable:
                raise
            last, seconds = trouble, None
        if seconds is None:
            tries += 1
            seconds = FIRST_PAUSE_SECONDS * 2**tries / 2
        else:
            waited += seconds
        if tries >= TRIES or waited > LONGEST_LIMIT_SECONDS:
            raise last from None
        SLACK_ERRORS.labels("rate limit" if waited else "no answer").inc()
        log.info("%s again in %.1f s: %s", name, seconds, last.sentence)
        await asyncio.sleep(seconds)


async def _sent(name: str, send: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Run ``send`` once, with the HTTP client's errors sorted by what they may have left behind."""
    try:
        return await send()
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or "no connection"
        raise NotDone(f"Slack cannot be reached: {reason}.") from None
    except TimeoutError:
        raise Unclear(f"Slack did not answer {name} in time.", retry=True) from None
    except aiohttp.ClientError as error:
        kind = type(error).__name__
        raise Unclear(f"The connection to Slack broke off ({kind}).", retry=True) from None


def status_trouble(name: str, status: int, retry_after: str | None) -> Exception | None:
    """What an HTTP status means where it is none of Slack's ordinary answers, else None."""
    if status == 429:  # noqa: PLR2004
        seconds = int(retry_after) if retry_after and retry_after.isdigit() else 1
        return NotDone(f"Slack's rate limit holds {name} back.", float(max(seconds, 1)))
    if status >= 500:  # noqa: PLR2004
        return Unclear(f"Slack answered {name} with HTTP status {status}.", retry=True)
    return None


def _told(name: str, error: SlackApiError) -> Exception:
    """Slack's own answer as what it means for us."""
    response = error.response
    # An answer that was no JSON at all comes as the HTTP client's response, not as slack_sdk's.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    headers = getattr(response, "headers", None) or {}
    retry_after = next((str(v) for k, v in headers.items() if k.lower() == "retry-after"), None)
    trouble = status_trouble(name, status, retry_after)
    if trouble is not None:
        return trouble
    data = getattr(response, "data", None)
    reason = str(data.get("error") or "") if isinstance(data, dict) else ""
    if not reason and 400 <= status < 500 and status != 408:  # noqa: PLR2004
        reason = (
            f"http_{status}"  # a gateway's, or of a Slack without this method: nothing was done
        )
    if not reason:
        return Unclear(f"Slack's answer to {name} was no JSON.", retry=True)
    if reason in _LIMITED:
        return NotDone(f"Slack's rate limit holds {name} back.", 1.0)
    if reason in _OWN_TROUBLE:
        return Unclear(f"Slack answered {name} with {reason}.", retry=True)
    needed = data.get("needed") if isinstance(data, dict) else None
    SLACK_ERRORS.labels(reason).inc()
    extra = f" (needs the scope {needed})" if needed else ""
    return SlackRefused(f"Slack refused {name}: {reason}{extra}.", reason=reason)
