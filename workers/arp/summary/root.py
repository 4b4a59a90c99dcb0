"""How far a check is, turned into the one message in the channel that is edited while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from workers.arp.model import Job, Judgement, Owner
from workers.arp.numbers import counted
from workers.arp.summary.blocks import (
    CANCEL,
    TEXT,
    Message,
    actions,
    button,
    code,
    context,
    escape,
    section,
    shortened,
    with_code,
)
from workers.arp.summary.owners import announced, emoji, owner_words

_STEP = 500
_LOOP = "Also: a loop is suspected, see the thread."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a check is; ``stage`` is queued, finding, waiting, connecting, capturing or judging.

    ``position`` counts from 1 and holds for queued and waiting. ``elapsed`` and ``seconds`` are
    whole seconds of capture. ``silent`` = the guest has sent no ARP yet.
    """

    stage: str
    position: int = 0
    host: str = ""
    uplinks: tuple[str, ...] = ()
    elapsed: int = 0
    seconds: int = 0
    requests: int = 0
    replies: int = 0
    silent: bool = False


def root_message(job: Job, progress: Progress) -> Message:
    """The one message in the channel while a check runs, with a Cancel button."""
    name = code(job.vm)
    target = f" → {code(job.target)}" if job.target else ""
    line = f"*ARP check of {name}*{target}: {escape(progress_words(progress))}"
    blocks = [section(f":hourglass_flowing_sand: {line}")]
    if progress.stage == "capturing":
        blocks.append(context(_bar_words(progress)))
    blocks.append(actions([button("Cancel", CANCEL, job.id)]))
    return Message(
        f"ARP check of {escape(job.vm)}: {escape(progress_words(progress))}", tuple(blocks)
    )


def progress_words(progress: Progress) -> str:
    """How far a check is, in one line of plain text, not yet escaped for Slack."""
    host = shortened(progress.host, 100)
    words = {
        "queued": f"queued, position {progress.position}" if progress.position else "queued",
        "finding": "finding the VM and its host",
        "waiting": f"waiting for {host}, position {progress.position}",
        "connecting": f"runs on {host}, opening the captures",
        "capturing": f"capturing on {host}, {progress.elapsed} of at most {progress.seconds} s, "
        f"{_counts(progress)}",
        "judging": f"captured on {host}, judging",
    }
    return words[progress.stage]


def _counts(progress: Progress) -> str:
    if progress.silent:
        return "no ARP request of the VM yet"
    return (
        f"{counted(progress.requests, 'requests')}, {counted(progress.replies, 'replies')} so far"
    )


def _bar_words(progress: Progress) -> str:
    cells = 20
    full = min(cells, cells * progress.elapsed // max(progress.seconds, 1))
    uplinks = ", ".join(progress.uplinks)
    return f"`{'█' * full}{'░' * (cells - full)}` both directions on the VM's port and {escape(uplinks)}"


def root_verdict(judgement: Judgement, job: Job) -> Message:
    """The root message once the verdict is known; the details stand in the thread.

    One line, and where nobody has the next move a second one, with what to do next. A loop is told
    here too: it breaks more than this VM's ARP, and a green sign would hide it.
    """
    verdict, name = judgement.verdict, judgement.case.vm.name
    told = verdict.headline.removeprefix(f"{name} ")
    named = f"{code(name)}* " if told != verdict.headline else f"{code(name)}*: "
    text = f"{emoji(verdict)} *{named}{escape(told)}"
    plain = announced(name, verdict.headline)
    if verdict.owner is Owner.INCONCLUSIVE:
        step = with_code(shortened(verdict.next_step, _STEP), verdict.commands)
        text += f"\n:arrow_right: *Next step:* {escape(step)}"
        plain += f" Next step: {step}"
    if any(finding.code == "LOOP_SUSPECTED" for finding in judgement.side_findings):
        text += f"\n:warning: {_LOOP}"
        plain += f" {_LOOP}"
    owner = f"Next move: {owner_words(verdict.owner)} · details and captures in the thread"
    asked = f"asked by <@{escape(job.asked_by)}>" if job.asked_by else ""
    small = context(" · ".join(filter(None, [owner, asked])))
    return Message(shortened(escape(plain), TEXT), (section(text), small))


def root_cancelled(job: Job, by: str | None) -> Message:
    """The root message of a check that somebody stopped."""
    who = f" by <@{escape(by)}>" if by else ""
    line = f":octagonal_sign: *ARP check of {code(job.vm)}* was stopped{who}."
    small = f"asked by <@{escape(job.asked_by)}> · job {code(job.id)}"
    return Message(
        f"ARP check of {escape(job.vm)} was stopped{who}.", (section(line), context(small))
    )


def root_line(job: Job, sign: str, text: str) -> Message:
    """The root message of a check that ended without a verdict."""
    line = f"{sign} *ARP check of {code(job.vm)}*: {escape(shortened(text, 600))}"
    asked = f"asked by <@{escape(job.asked_by)}>" if job.asked_by else "no asker known"
    plain_text = f"ARP check of {escape(job.vm)}: {escape(shortened(text, 600))}"
    return Message(plain_text, (section(line), context(f"{asked} · job {code(job.id)}")))
