"""What the bot itself has to say, to one person, as Slack messages of few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from workers.arp.model import SECOND, Job
from workers.arp.summary import POST_HERE, Message, code, entities, escape, shortened
from workers.arp.summary.blocks import SECTION, actions, button, section
from workers.jobs import JobRecord

INVITE = "/invite @arpcheck"

LIST_LENGTH = 2_900  # a section takes 3,000

_ABSENT = {"channel_not_found", "not_in_channel"}


def said(text: str) -> Message:
    """One paragraph of mrkdwn, cut where a section would refuse it."""
    text = shortened(text, SECTION)
    return Message(text, (section(text),))


def listed(head: str, lines: Sequence[str]) -> Message:
    """A head and as many whole lines as one section takes; the rest is counted."""
    shown = list(lines)
    while sum(map(len, [head, *shown])) + len(shown) > LIST_LENGTH:
        shown.pop()
    more = [f"… and {len(lines) - len(shown)} more"] if len(shown) < len(lines) else []
    return said("\n".join([head, *shown, *more]))


def help_text() -> Message:
    """How to use it, on one screen."""
    return said(
        "*arpcheck* listens on a VM's port and on every uplink of its ESXi host and says where its"
        " ARP goes missing.\n"
        "• `/arpcheck app01` checks a VM by name, IP, MAC, moid or UUID\n"
        "• `/arpcheck app01 10.0.0.1 for 60s` towards one address, for at most 60 s\n"
        "• `/arpcheck app01 app02` towards another VM, on both hosts where they differ\n"
        '• `/arpcheck "my vm"` a name with spaces\n'
        "• `/arpcheck` alone opens a dialog\n"
        "• `/arpcheck status` what runs and what waits · `/arpcheck stop [id]` stops a check\n"
        "• `/arpcheck history app01` the last verdicts\n"
        "In a thread, mention me with the same words: `@arpcheck app01`."
    )


def mistake(sentence: str) -> Message:
    """What was typed cannot be read."""
    return said(f":grey_question: {escape(sentence)} `/arpcheck help` shows how.")


def refused(why: str) -> Message:
    """They may not; ``why`` is mrkdwn."""
    return said(f":no_entry: {why}")


def queue_down() -> Message:
    """Redis is away: nothing was queued."""
    return said(
        ":x: The check was not started: arpcheck's queue (Redis) does not answer."
        " Try again in a minute; if it stays so, tell whoever runs arpcheck."
    )


def queue_lost(job: Job) -> Message:
    """What a message says whose job could not be released to the workers."""
    return said(
        f":x: *ARP check of {code(job.vm)}*: arpcheck's queue (Redis) stopped answering before the"
        " check began. If no result appears within a minute, ask again."
    )


def lost(job: Job) -> Message:
    """Redis came back without the job."""
    return _over(job, "Redis lost its data, and with it")


def given_up(job: Job) -> Message:
    """No worker could finish the job, or even tell of it."""
    return _over(job, "No worker could finish, or even tell of,")


def _over(job: Job, why: str) -> Message:
    about = {"handoff": "hand-off of the check", "post": "result of the check"}.get(
        job.kind, "check"
    )
    return said(
        f":x: {why} the {about} of {code(job.vm)}. Nothing more will come of it: ask again with"
        f" {code(f'/arpcheck {job.vm}')}."
    )


def under_way() -> Message:
    """Pressed again while it is being done."""
    return said("That is already under way.")


def unexpected() -> Message:
    """A mistake of ours."""
    return said(
        ":x: Something went wrong inside arpcheck. It is in the log; please tell whoever runs it."
    )


def trouble(sentence: str, next_step: str = "") -> Message:
    """Expected trouble in its own words."""
    return said(f":x: {escape(f'{sentence} {next_step}'.strip())}")


def slow_slack(job: Job) -> Message:
    """The check runs, its message is late."""
    return said(
        f":hourglass: The check of {code(job.vm)} is queued; Slack does not take its message just"
        " now. It will appear here."
    )


def sent_directly(job: Job) -> Message:
    """Where the check is when the conversation has no place for the bot."""
    return said(
        f"I cannot write in this conversation: the check of {code(job.vm)} is in our direct messages."
    )


def not_a_member(job: Job, reason: str) -> Message:
    """The bot may not write here; the result is kept until it may."""
    if reason in _ABSENT:
        why = f"I am not in this channel: invite me with `{INVITE}`"
    elif reason == "is_archived":
        why = "This channel is archived: unarchive it, or ask elsewhere"
    else:
        why = f"Slack does not let me write here ({escape(reason)})"
    text = (
        f":warning: {why}. The check of {code(job.vm)} runs all the same and its result is kept;"
        " then press *Post it here*."
    )
    press = actions([button("Post it here", POST_HERE, job.id)])
    return Message(text, (section(text), press))


def still_running(job: Job) -> Message:
    """Too early to post a kept result."""
    text = f"The check of {code(job.vm)} is not finished yet. Press again in a minute."
    press = actions([button("Post it here", POST_HERE, job.id)])
    return Message(text, (section(text), press))


def joined(job: Job, link: str | None) -> Message:
    """An equal check is under way."""
    where = f"<{link}|follow it here>" if link else "it is just being started"
    return said(
        f":link: {code(job.vm)} is already being checked for <@{escape(job.asked_by)}>: {where}."
        " You will get the same verdict; nothing is captured twice."
    )


def gone() -> Message:
    """The job behind a button is no longer known."""
    return said(
        "That check is no longer known (its record has expired). Ask anew with `/arpcheck`."
    )


def already_over(job_id: str) -> Message:
    """There is nothing left to stop or confirm."""
    return said(f"Check {code(job_id)} is already over.")


def already_chosen(job: Job) -> Message:
    """Somebody chose before."""
    return said(f"One VM was already chosen for {code(job.vm)}. Ask anew for another one.")


def stimulus_noted() -> Message:
    """The guest was made to send."""
    return said("Noted: from now on silence of the VM counts as evidence.")


def started(user: str) -> Message:
    """What stands under the question once somebody has answered it."""
    return said(f":white_check_mark: <@{escape(user)}> started it; listening goes on.")


def files_sent(user: str) -> Message:
    """What stands under the missing files once somebody wants them."""
    return said(f":outbox_tray: <@{escape(user)}> has the files sent again.")


def handed_off_before() -> Message:
    """There is one hand-off for a check."""
    return said("This check was already handed off; the link is in its thread.")


def taken(user: str) -> Message:
    """The network team works on it."""
    return said(f":hammer_and_wrench: <@{escape(user)}> (network team) has taken this.")


def not_ours(user: str, why: str) -> Message:
    """The network team sees it elsewhere."""
    quoted = "\n".join(f"> {line}" for line in entities(why).splitlines())
    return said(
        f":leftwards_arrow_with_hook: <@{escape(user)}> (network team): not ours, because\n{quoted}"
    )


def fixed(user: str) -> Message:
    """The network team has mended something."""
    return said(
        f":wrench: <@{escape(user)}> (network team): fixed, please re-check. Checking again."
    )


def cancelled_in_queue(job: Job, user: str) -> Message:
    """The message of a check that was stopped before it began."""
    return said(
        f":octagonal_sign: ARP check of {code(job.vm)}: stopped by <@{escape(user)}> before it began."
    )


def stopped(job: Job) -> Message:
    """The check is told to stop."""
    return said(f"Stopping the check of {code(job.vm)} ({code(job.id)}).")


def may_not_stop(job: Job) -> Message:
    """Neither the asker nor somebody who may run checks."""
    return said(
        f":no_entry: Only <@{escape(job.asked_by)}> and those who may run arpcheck can stop this."
    )


def which_one(records: Sequence[JobRecord]) -> Message:
    """Several checks could be meant."""
    lines = [f"• `/arpcheck stop {escape(r.job.id)}`: {code(r.job.vm)}" for r in records]
    return listed(f"You have {len(records)} checks open. Which one?", lines)


def nothing_open() -> Message:
    """Nothing of theirs runs."""
    return said("You have no check running or waiting. `/arpcheck status` shows everybody's.")


def status(records: Sequence[JobRecord], links: Mapping[str, str], now: int) -> Message:
    """What runs and what waits; ``links`` by job id, ``now`` in nanoseconds."""
    if not records:
        return said("Nothing is running and nothing is waiting.")
    lines = [_status_line(record, links.get(record.job.id), now) for record in records]
    running = sum(record.state == "running" for record in records)
    return listed(f"*{running} running, {len(records) - running} waiting*", lines)


def _status_line(record: JobRecord, link: str | None, now: int) -> str:
    job = record.job
    place = "running" if record.state == "running" else f"waiting, position {record.position}"
    age = max(0, (now - job.asked_at) // SECOND)
    name = f"<{link}|{escape(job.id)}>" if link else code(job.id)
    target = f" → {code(job.target)}" if job.target else ""
    return f"• {code(job.vm)}{target}: {place} · {name} · <@{escape(job.asked_by)}>, {age} s ago"


def history(vm: str, records: Sequence[Mapping[str, str]], links: Sequence[str | None]) -> Message:
    """The last verdicts on a VM, the newest first, each with the link to its message."""
    if not records:
        return said(f"No verdict on {code(vm)} is on record.")
    lines = [_history_line(*pair) for pair in zip(records, links, strict=True)]
    return listed(f"*Last verdicts on {code(vm)}*", lines)


def _history_line(record: Mapping[str, str], link: str | None) -> str:
    at = int(record.get("at_ms", "0")) // 1000
    plain = f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d %H:%M} UTC"
    when = f"<!date^{at}^{{date_short_pretty}} {{time}}|{plain}>"
    target = f" → {code(record['target'])}" if record.get("target") else ""
    words = escape(shortened(record.get("headline", ""), 200))
    more = f" · <{link}|thread>" if link else ""
    return f"• {when} {code(record.get('verdict', '?'))}{target} {words}{more}"
