"""Files of an answer turned into one message of its thread, once over all runs of the job.

The law: files are never sent again on a guess, and never missing in silence. Whether Slack shared them
is looked up where the bot may read the thread; where it may not, or Slack takes none, the thread is
told, with a button that sends the kept files.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from workers.arp.summary import files_message
from workers.errors import SlackRefused, SlackUnreachable
from workers.jobs import Lease
from workers.slack import Slack, Upload

UPLOADING, UPLOADED = "uploading", "uploaded"
TRIES = 5
LOST = "The captures of this check were too big to be kept, and were lost with their worker"
UNCLEAR = "Slack did not confirm that the files of this check are here"

log = logging.getLogger(__name__)


async def share_once(
    lease: Lease,
    slack: Slack,
    channel: str,
    thread_ts: str,
    uploads: Sequence[Upload],
    lost: str = "",
) -> None:
    """Share the files, or say in the thread why they may be missing; ``lost`` says it of others.

    Raises:
        SlackUnreachable: not surely shared; call again. LeaseLost: the job is another run's.
    """
    if not (uploads or lost) or UPLOADED in lease.notes:
        return
    missing = await _missing(lease, slack, channel, thread_ts, uploads) if uploads else ""
    missing = missing or lost
    if missing:
        log.warning("the files of %s: %s", lease.job.id, missing)
        await _tell(lease, slack, channel, thread_ts, missing)
    await lease.note(UPLOADED, "1")


async def _missing(
    lease: Lease, slack: Slack, channel: str, thread_ts: str, uploads: Sequence[Upload]
) -> str:
    """Why the files may not be in the thread, empty where they are."""
    tries = int(lease.notes.get(UPLOADING, "0"))
    if tries:
        there = await slack.has_file(channel, thread_ts, uploads[0].name)
        if there is not False:
            return "" if there else UNCLEAR
    await lease.note(UPLOADING, str(tries + 1))
    try:
        await slack.upload(channel, thread_ts, uploads, guard=lease.check)
    except SlackRefused as refused:
        return f"Slack took no files of this check ({refused.reason})"
    except SlackUnreachable as trouble:
        if tries + 1 < TRIES:
            raise
        return f"The files of this check could not be sent: {trouble.sentence.rstrip('.')}"
    return ""


async def _tell(lease: Lease, slack: Slack, channel: str, thread_ts: str, why: str) -> None:
    job = lease.job
    message = files_message(job.of or job.id, why, may_be_there=why == UNCLEAR)
    try:
        await slack.post(
            channel,
            message,
            thread_ts=thread_ts,
            key=f"{job.id}:files",
            look_first=lease.number > 1,
            guard=lease.check,
        )
    except SlackRefused as refused:
        log.warning("%s: the missing files could not be told: %s", job.id, refused.sentence)
