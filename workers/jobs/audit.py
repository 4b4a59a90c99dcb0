"""What was asked and what came of it, turned into one log line and one entry of a limited stream.

The log line is the record; the stream is what ``/arpcheck history`` reads, and holds the newest.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from workers.errors import QueueUnreachable
from workers.jobs.connection import Connection, fields

AUDIT_ENTRIES = 20_000
AUDIT_SECONDS = 400 * 86_400
_PAGE = 1000
_VALUE_CHARACTERS = 6000  # the commands of a host with eight uplinks

log = logging.getLogger("arpcheck.jobs")
trail = logging.getLogger("arpcheck.audit")


class AuditTrail:
    """Append-only. An entry with ``vm`` and ``verdict`` is part of that VM's history."""

    _redis: Connection

    async def audit(self, record: Mapping[str, str]) -> None:
        """Write one entry; a Redis that is away costs the entry in the stream, never the line."""
        cut = {key: value[:_VALUE_CHARACTERS] for key, value in record.items()}
        # JSON escapes control characters: one line stays one.
        trail.info("%s", json.dumps(cut, sort_keys=True), extra={"audit": cut})
        flat = [part for pair in cut.items() for part in pair]
        if not flat:
            return
        try:
            await self._redis.call("audit", AUDIT_ENTRIES, AUDIT_SECONDS, *flat)
        except QueueUnreachable as trouble:
            log.warning("The audit entry is in the log only: %s", trouble.sentence)

    async def history(self, vm: str, count: int) -> tuple[dict[str, str], ...]:
        """The last ``count`` entries with a verdict on that VM (name or moid), the newest first."""
        wanted, before, found = vm.casefold(), "+", list[dict[str, str]]()
        while len(found) < count:
            page = await self._redis.call("past", before, _PAGE)
            for entry, flat in page:
                record = fields(flat)
                names = {record.get("vm", "").casefold(), record.get("moid", "").casefold()}
                if record.get("verdict") and wanted in names:
                    found.append({"at_ms": entry.partition("-")[0], **record})
            if len(page) < _PAGE:
                break
            before = "(" + page[-1][0]
        return tuple(found[:count])
