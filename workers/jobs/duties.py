"""What a check owes its hosts after a crash, turned into entries that another worker settles."""

from __future__ import annotations

from workers.jobs.connection import PATIENT_SECONDS, Connection

STOP_LEASES = 4
"""How many leases long a worker may take to stop an SSH service before another one tries."""
FORGET_SECONDS = 7 * 86_400
"""When a host that cannot be reached any more is no longer tried."""


class SshDuties:
    """SSH services that arpcheck started and must stop again.

    Note the duty before starting the service. Whoever is told a host by ``ssh_stops_owed`` stops
    its service and then calls ``ssh_stop_done``; who fails calls nothing, and another worker is
    told the host a while later. A host on which another check holds or awaits a slot is left
    alone, and while a stop is under way nobody new gets a slot there. ``host`` is the name that
    ``host_slot`` was given.
    """

    _redis: Connection

    async def owe_ssh_stop(self, host: str, job_id: str) -> None:
        """From now on the host's SSH service must be stopped by us, for ``job_id`` started it."""
        await self._redis.call("duty", host, "add", job_id, patience=PATIENT_SECONDS)

    async def ssh_stop_done(self, host: str) -> None:
        """The service is stopped again, or was never started."""
        await self._redis.call("duty", host, "done", patience=PATIENT_SECONDS)

    async def ssh_stops_owed(self, host: str = "", *, by_job: str = "") -> tuple[str, ...]:
        """Hosts whose service the caller must stop now; ``by_job`` may itself still hold a slot."""
        stop_ms = int(STOP_LEASES * self._redis.lease_seconds * 1000)
        owed = await self._redis.call(
            "ssh", by_job, stop_ms, FORGET_SECONDS, host, patience=PATIENT_SECONDS
        )
        return tuple(owed)


class HostKeyPins:
    """The first SSH key seen of each host; a new key needs a person to remove the old one."""

    _redis: Connection

    async def pinned(self, host: str) -> str | None:
        """The host's key, None when none was seen yet."""
        found: str = await self._redis.call("pin", host, "", patience=PATIENT_SECONDS)
        return found or None

    async def pin(self, host: str, key: str) -> str:
        """Pin ``key`` unless one is pinned; returns the key that now is."""
        return str(await self._redis.call("pin", host, key, patience=PATIENT_SECONDS))
