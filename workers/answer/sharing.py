"""Files of an answer turned into one message of its thread, once over all runs of the job."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from workers.errors import SlackRefused, SlackUnreachable
from workers.jobs import Lease
from workers.slack import Slack, Upload

UPLOADING, UPLOADED = "uploading", "uploaded"
TRIES = 5

log = logging.getLogger(__name__)


async def share_once(
    lease: Lease, slack: Slack, channel: str, thread_ts: str, uploads: Sequence[Upload]
) -> None:
    """Share the files; where Slack keeps refusing or losing them the answer stands without.

    A run that died while sharing leaves it unclear: the thread is looked into before they are sent
    again.

    Raises:
        SlackUnreachable: not surely shared; call again. LeaseLost: the job is another run's.
    """
    if not uploads or UPLOADED in lease.notes:
        return
    tries = int(lease.notes.get(UPLOADING, "0"))
    if not tries or not await slack.has_file(channel, thread_ts, uploads[0].name):
        await lease.note(UPLOADING, str(tries + 1))
        try:
            await slack.upload(channel, thread_ts, uploads, guard=lease.check)
        except SlackRefused as refused:
            log.warning("the files of %s were refused: %s", lease.job.id, refused.sentence)
        except SlackUnreachable as trouble:
            if tries + 1 < TRIES:
                raise
            log.error("the files of %s are missing: %s", lease.job.id, trouble.sentence)  # noqa: TRY400
    await lease.note(UPLOADED, "1")
