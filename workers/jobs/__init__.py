"""Jobs turned into leases and back, and all else that bot and workers share through Redis.

A job waits in ``waiting`` in the order it was asked for, runs in ``running`` under a lease that its
worker renews, and ends as a hash that is kept for a while. A lease that runs out is handed to
another worker, at most ``tries`` times; then the job is handed out as ``dead``, only to tell people,
and that at most ``tries`` times too.

All times are Redis's own (``TIME`` inside the scripts). All keys start with ``{arpcheck}:v1:``: one
hash tag, so that a cluster keeps them together, and a version for the day the layout changes.

=====================  ======  ==============================================================
key                    kind    ends with
=====================  ======  ==============================================================
waiting                zset    the jobs in it (score: the place, µs of asking)
running                zset    the jobs in it (score: the lease's end, ms)
joins                  hash    the jobs in it (an equal check joins the one that is open)
job:ID                 hash    open: owned by waiting or running; ended: ``keep_days``
claim:TOKEN            hash    one lease
first:KEY              string  the seconds asked for
slot:HOST:line, :live  zset    20 leases after the last renewal
ssh                    hash    the duties in it; each is forgotten after 7 days
ssh:stopping:HOST      string  4 leases
pins                   hash    the operator, who removes a replaced host's key (HDEL)
evidence:ID            hash    EVIDENCE_DAYS
audit                  stream  20,000 entries, 400 days
=====================  ======  ==============================================================

``{arpcheck}:v1:tell`` is a channel, not a key: what is told there only saves waiting for the next
poll or renewal.
"""

from __future__ import annotations

from workers.errors import LeaseLost
from workers.jobs.audit import AuditTrail
from workers.jobs.connection import Connection
from workers.jobs.duties import HostKeyPins, SshDuties
from workers.jobs.evidence import Evidence
from workers.jobs.lease import AnswerTaken, Lease
from workers.jobs.loop import Turns, run_worker
from workers.jobs.queue import Queue, QueueDepth
from workers.jobs.record import ANSWERED, Enqueued, JobRecord
from workers.jobs.server import Server, ServerFacts
from workers.jobs.slots import HostSlots

__all__ = [
    "ANSWERED",
    "AnswerTaken",
    "Enqueued",
    "JobRecord",
    "Jobs",
    "Lease",
    "LeaseLost",
    "QueueDepth",
    "ServerFacts",
    "Turns",
    "run_worker",
]


class Jobs(Queue, HostSlots, SshDuties, HostKeyPins, Evidence, AuditTrail, Server):
    """Everything in Redis, for bot and worker; every trouble is a QueueUnreachable."""

    def __init__(
        self, url: str, *, lease_seconds: float = 15, tries: int = 3, keep_days: int = 7
    ) -> None:
        self._redis = Connection(url, lease_seconds=lease_seconds)
        self._tries = tries
        self._keep_seconds = keep_days * 86_400

    async def ping(self) -> None:
        """Ask whether Redis answers."""
        await self._redis.call("ping")

    async def close(self) -> None:
        """Let go of Redis; leases that still run end with their time."""
        await self._redis.close()
