"""The Redis server's own settings turned into sentences about what could lose checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from workers.jobs.connection import PREFIX, Connection

OLDEST = (6, 2)
_OWNED = {"waiting", "running", "joins", "pins", "ssh"}


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """Redis about itself; ``too_old``, ``evicts`` and ``forgets`` are sentences, "" = no trouble."""

    version: str
    memory_policy: str
    too_old: str = ""
    evicts: str = ""
    forgets: str = ""


class Server:
    """What ``arpcheck doctor`` asks of Redis."""

    _redis: Connection

    async def server_facts(self) -> ServerFacts:
        """Version and settings, with what could lose checks.

        Raises:
            QueueUnreachable: it does not answer.
        """
        try:
            info = await self._redis.client.info()
        except (RedisError, OSError, TimeoutError) as error:
            raise self._redis.unreachable(error) from None
        return ServerFacts(
            version=str(info.get("redis_version", "unknown")),
            memory_policy=str(info.get("maxmemory_policy", "noeviction")),
            too_old=_version_problem(info),
            evicts=_memory_problem(info),
            forgets=await self._persistence(info),
        )

    async def settings_problems(self) -> tuple[str, ...]:
        """One sentence each; () = nothing to say.

        Raises:
            QueueUnreachable: it does not answer.
        """
        facts = await self.server_facts()
        return tuple(said for said in (facts.too_old, facts.evicts, facts.forgets) if said)

    async def stray_keys(self) -> tuple[str, ...]:
        """Keys and entries of ours with neither a time to live nor an owner: () unless we leak."""
        client, stray = self._redis.client, list[str]()
        try:
            async for key in client.scan_iter(match=f"{PREFIX}*", count=1000):
                name = key.decode("utf-8", "replace").removeprefix(PREFIX)
                if name in _OWNED or await client.ttl(key) != -1:
                    continue
                kind, _, job_id = name.partition(":")
                if kind != "job" or not await self._is_open(job_id):
                    stray.append(name)
            for entry, job_id in await self._entries():
                if not await self._is_open(job_id):
                    stray.append(entry)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._redis.unreachable(error) from None
        return tuple(stray)

    async def _entries(self) -> list[tuple[str, str]]:
        """What stands in the queue's own keys, each with the job that owns it."""
        found = list[tuple[str, str]]()
        for owner in ("waiting", "running"):
            members: list[Any] = await self._redis.client.zrange(PREFIX + owner, 0, -1)
            found += [(f"{owner} {member.decode()}", member.decode()) for member in members]
        joins: dict[Any, Any] = await self._redis.client.hgetall(f"{PREFIX}joins")
        found += [(f"joins {wanted.decode()}", job.decode()) for wanted, job in joins.items()]
        return found

    async def _is_open(self, job_id: str) -> bool:
        """The job is in the queue, and it is there."""
        client = self._redis.client
        for owner in ("waiting", "running"):
            if await client.zscore(PREFIX + owner, job_id) is not None:
                return bool(await client.exists(f"{PREFIX}job:{job_id}"))
        return False

    async def _persistence(self, info: dict[str, Any]) -> str:
        if info.get("aof_enabled"):
            return ""
        try:
            saves = (await self._redis.client.config_get("save")).get("save", "")
        except RedisError:  # managed services forbid CONFIG
            return ""
        if saves:
            return (
                "Redis writes snapshots only: when it crashes, checks since the last snapshot are"
                " lost (appendonly yes keeps them)"
            )
        return "Redis keeps nothing on disk: when it restarts, all waiting checks are lost (appendonly yes)"


def _version_problem(info: dict[str, Any]) -> str:
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return "" if numbers >= OLDEST else f"Redis is {version}, 6.2 or newer is needed"


def _memory_problem(info: dict[str, Any]) -> str:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction" or not info.get("maxmemory"):
        return ""
    return (
        f"Redis may throw waiting checks away when memory is short: maxmemory-policy is {policy},"
        " noeviction is needed"
    )
