"""A check's evidence turned into one hash per job, kept for as long as a hand-off may ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.errors import EvidenceTooBig
from workers.jobs.connection import PATIENT_SECONDS, PREFIX, Connection

EVIDENCE_BYTES = 16 * 1024 * 1024
"""The most that one check may keep in Redis, which holds everything in memory."""


class Evidence:
    """Files by name; keeping the same job's evidence again replaces it."""

    _redis: Connection

    async def keep_evidence(self, job_id: str, files: Mapping[str, bytes], days: int) -> None:
        """Keep the files for ``days``.

        Raises:
            EvidenceTooBig: nothing was kept.
        """
        size = sum(len(content) for content in files.values())
        if size > EVIDENCE_BYTES:
            raise EvidenceTooBig(
                f"The evidence is {size / 1e6:.1f} MB; Redis keeps at most"
                f" {EVIDENCE_BYTES / 1e6:.1f} MB of one check for hand-offs"
            )
        key = f"{PREFIX}evidence:{job_id}"

        async def replace() -> None:
            async with self._redis.client.pipeline(transaction=True) as pipe:
                pipe.delete(key)
                if files:
                    pipe.hset(key, mapping=dict[Any, Any](files))
                    pipe.expire(key, days * 86_400)
                await pipe.execute()

        await self._redis.attempt(replace, patience=PATIENT_SECONDS)

    async def evidence(self, job_id: str) -> dict[str, bytes] | None:
        """The files kept for a job, None = none (any more)."""
        found: dict[Any, Any] = await self._redis.attempt(
            lambda: self._redis.client.hgetall(f"{PREFIX}evidence:{job_id}"),
            patience=PATIENT_SECONDS,
        )
        return {name.decode("utf-8", "replace"): found[name] for name in found} or None
