"""Calls of the queue's Lua scripts turned into Redis commands that fail soon and plainly.

redis-py's own retries are off: a silent retry hides the disconnection that takeovers depend on.
Every script may be repeated, so a call is repeated here for as long as its caller has patience.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from workers.errors import QueueUnreachable

PREFIX = "{arpcheck}:v1:"
SOON_SECONDS = 1.8
"""How long somebody who waits for an answer in Slack is kept."""
PATIENT_SECONDS = 60.0
"""How long a running check bears with a Redis that is away."""
_SOCKET_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
# Refusals that end by themselves or by an operator's hand while a check can wait. redis-py has
# classes for some and keeps the code of others in the text, behind other words in scripts of Redis 6.
_PASSING = (ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
_PASSING_CODES = ("BUSY", "MISCONF", "NOREPLICAS", "OOM", "READONLY")

T = TypeVar("T")

log = logging.getLogger("arpcheck.jobs")


class Connection:
    """One process's way to Redis: scripts by name, topics told by others, how long it has held."""

    def __init__(self, url: str, *, lease_seconds: float) -> None:
        self.where = _without_secrets(url)
        self.lease_seconds = lease_seconds
        try:
            self.client: Redis = Redis.from_url(
                url,
                protocol=2,
                decode_responses=False,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=_SOCKET_SECONDS,
                socket_connect_timeout=_SOCKET_SECONDS,
            )
        except (ValueError, TypeError):
            raise QueueUnreachable("REDIS_URL is no address that can be read") from None
        folder = files(__package__)
        prelude = (folder / "prelude.lua").read_text("utf-8")
        self._scripts = {
            file.name.removesuffix(".lua"): self.client.register_script(
                prelude + file.read_text("utf-8")
            )
            for file in folder.iterdir()
            if file.name.endswith(".lua") and file.name != "prelude.lua"
        }
        self._since: float | None = None
        self._last = 0.0
        self._trouble = ""
        self._topics: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None

    async def call(self, script: str, *arguments: Any, patience: float = SOON_SECONDS) -> Any:  # noqa: ANN401 - what Lua returns
        """Run a script until it answers or ``patience`` seconds have passed.

        Raises:
            QueueUnreachable: with one sentence, free of passwords.
        """
        run = self._scripts[script]
        return _text(
            await self.attempt(lambda: run(keys=[PREFIX], args=arguments), patience=patience)
        )

    async def attempt(self, command: Callable[[], Awaitable[T]], *, patience: float) -> T:
        """Await a command that may be repeated, like ``call``."""
        until = time.monotonic() + patience
        asked_to_stop = _cancellations()
        while True:
            try:
                async with asyncio.timeout(max(until - time.monotonic(), _PAUSE_SECONDS)):
                    reply = await command()
            except (RedisError, OSError, TimeoutError) as error:
                self._failed(error)
                _stop_if_asked(asked_to_stop)
                if self._hopeless(error) or time.monotonic() + _PAUSE_SECONDS >= until:
                    raise self.unreachable(error) from None
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                self._answered()
                _stop_if_asked(asked_to_stop)
                return reply

    def held_for_a_lease(self) -> bool:
        """Whether Redis has answered all along for one lease: others had the time to renew too."""
        return self._since is not None and self._last - self._since >= self.lease_seconds

    def unreachable(self, error: Exception) -> QueueUnreachable:
        """The one sentence for whatever went wrong."""
        if _login_refused(error):
            return QueueUnreachable(
                f"Redis at {self.where} refuses the login",
                next_step="Check the user and the password in REDIS_URL.",
            )
        if isinstance(error, OutOfMemoryError) or "OOM" in str(error):
            return QueueUnreachable(
                f"Redis at {self.where} is full",
                next_step="Raise its maxmemory, or wait until older evidence has run out.",
            )
        if isinstance(error, ResponseError):
            return QueueUnreachable(f"Redis at {self.where} refuses: {str(error)[:200]}")
        if _untrusted(error):
            return QueueUnreachable(
                f"Redis at {self.where} shows a certificate that is not trusted",
                next_step="Name its CA in REDIS_URL: …?ssl_ca_certs=/path/to/ca.pem",
            )
        return QueueUnreachable(
            f"Redis at {self.where} does not answer",
            next_step="Check that it runs and that this machine may reach it.",
            retry=True,
        )

    @contextmanager
    def ears(self, topic: str) -> Iterator[asyncio.Event]:
        """An event that is set when anybody tells ``topic``; told once too often at times."""
        event = asyncio.Event()
        self._topics[topic].add(event)
        if self._listening is None:
            self._listening = self.spawn(self._listen())
        try:
            yield event
        finally:
            self._topics[topic].discard(event)
            if not self._topics[topic]:
                del self._topics[topic]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run beside everything else until ``close``, at most."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Let go of Redis."""
        for task in list(self._tasks):
            task.cancel()
            await asyncio.wait([task])
        self._listening = None
        with suppress(RedisError, OSError):
            await self.client.aclose()

    def _hopeless(self, error: Exception) -> bool:
        if _login_refused(error):
            return not self._last  # a login that was good before is being changed
        if _untrusted(error):
            return True
        if isinstance(error, _PASSING) or any(code in str(error) for code in _PASSING_CODES):
            return False
        return isinstance(error, ResponseError)

    def _failed(self, error: Exception) -> None:
        sentence = self.unreachable(error).sentence
        if sentence != self._trouble:
            log.warning("%s (%s)", sentence, type(error).__name__)
        self._trouble, self._since = sentence, None

    def _answered(self) -> None:
        if self._trouble:
            log.info("Redis at %s answers again", self.where)
        now, self._trouble = time.monotonic(), ""
        # Silent for long (asleep, stopped by a signal): what happened meanwhile is unknown.
        if self._since is None or now - self._last > self.lease_seconds:
            self._since = now
        self._last = now

    async def _listen(self) -> None:
        while True:
            pubsub = self.client.pubsub()
            try:
                await pubsub.subscribe(PREFIX + "tell")
                self._told(None)  # something may have been told while nobody listened
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1.0)
                    if message is not None:
                        self._told(message["data"].decode("utf-8", "replace"))
            except (RedisError, OSError):
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                with suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _told(self, topic: str | None) -> None:
        for name, events in self._topics.items():
            if topic is None or topic == name:
                for event in events:
                    event.set()


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """Wait until ``event`` is set, at most ``seconds``; it is clear afterwards."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _stop_if_asked(before: int) -> None:
    """A cancellation that arrives while redis-py deals with a connection can be lost in there."""
    if _cancellations() > before:
        raise asyncio.CancelledError


def fields(flat: list[Any]) -> dict[str, str]:
    """HGETALL as Lua returns it: names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _login_refused(error: Exception) -> bool:
    # Who has not logged in is refused commands of many words before anybody looks at the login.
    kinds = AuthenticationError | AuthorizationError
    return isinstance(error, kinds) or "unauthenticated" in str(error)


def _untrusted(error: Exception) -> bool:
    # redis-py wraps ssl's error in its own ConnectionError, and keeps only the text.
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _text(reply: Any) -> Any:  # noqa: ANN401 - what Lua returns
    if isinstance(reply, bytes):
        return reply.decode("utf-8", "replace")
    return [_text(part) for part in reply] if isinstance(reply, list) else reply


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return address if parts.scheme != "unix" else parts.path
