"""What a thread is told instead of a verdict, or asked on the way to one."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workers.arp.model import Job, VmCandidate
from workers.arp.summary.blocks import (
    AGAIN,
    CHOOSE,
    CLOSEST,
    SECTION,
    SEND_FILES,
    STARTED,
    TEXT,
    Message,
    actions,
    button,
    code,
    entities,
    escape,
    section,
    shortened,
)


def trouble_message(
    job: Job, sentence: str, next_step: str = "", *, closest: Sequence[str] = ()
) -> Message:
    """A check that ended without a verdict: one sentence, the next step, a way to go on."""
    text = f":x: *ARP check of {code(job.vm)} ended without a verdict.* {escape(sentence)}"
    if next_step:
        text += f"\n:arrow_right: {escape(next_step)}"
    if closest:
        text += "\nDid you mean one of these?"
    buttons = [
        button(name, f"{CLOSEST}:{number}", json.dumps({"job": job.id, "vm": name}))
        for number, name in enumerate(closest[:5])
    ]
    buttons.append(button("Run again", AGAIN, job.id))
    plain = f"ARP check of {job.vm} ended without a verdict. {sentence} {next_step}".strip()
    return Message(shortened(escape(plain), TEXT), (section(text), actions(buttons)))


def cancelled_message(job: Job, by: str | None, notes: Sequence[str] = ()) -> Message:
    """A check that was stopped: no fault of anything, and what it left to be said."""
    who = f" by <@{escape(by)}>" if by else ""
    text = f":octagonal_sign: ARP check of {code(job.vm)} was stopped{who}."
    more = "".join(f"\n• {escape(note)}" for note in notes)
    return Message(
        shortened(f"ARP check of {escape(job.vm)} was stopped{who}.{more}", TEXT),
        (section(text + more), actions([button("Run again", AGAIN, job.id)])),
    )


def choice_message(job: Job, candidates: Sequence[VmCandidate]) -> Message:
    """Several VMs answer to the name: a button each, with what tells them apart.

    Buttons are cut on a phone, so each begins with the number that it has in the list.
    """
    shown = list(enumerate(candidates[:20], start=1))
    lines = [
        f"{number}. {code(c.name)} in {code(c.folder)}, cluster {code(c.cluster)},"
        f" {_power(c)} ({code(c.moid)})"
        for number, c in shown
    ]
    rest = len(candidates) - len(shown)
    more = f"\n… and {rest} more" if rest else ""
    text = f":grey_question: *{len(candidates)} VMs answer to {code(job.vm)}.* Which one?\n"
    buttons = [
        button(
            f"{number}. {c.name} · {c.folder} · {c.cluster} · {_power(c)}",
            f"{CHOOSE}:{number}",
            json.dumps({"job": job.id, "moid": c.moid}),
        )
        for number, c in shown
    ]
    plain = f"{len(candidates)} VMs answer to {job.vm}: " + "; ".join(
        f"{number}. {c.name} in {c.folder}, cluster {c.cluster}, {_power(c)}, {c.moid}"
        for number, c in shown
    )
    return Message(
        shortened(escape(plain), TEXT),
        (section(shortened(text + "\n".join(lines) + more, SECTION)), actions(buttons)),
    )


def _power(candidate: VmCandidate) -> str:
    """The power state in words; what vCenter may add one day is told as it is."""
    words = {"poweredOn": "powered on", "poweredOff": "powered off"}
    return words.get(candidate.power, escape(candidate.power))


def stimulus_message(job: Job, vm: str, target: str | None) -> Message:
    """What to type in a guest that does not ask, with a button that says it was done.

    ``target`` is the address to ask for; the job may name it by a VM's name.
    """
    silent = "has sent no ARP request so far"
    if job.target and target:
        silent = f"has not asked for {target} so far"
    target = target or "GATEWAY"
    linux = f"arping -b -c 15 -w 17 {target}"
    without = f"ip neigh flush to {target}; ping -c 15 {target}"
    windows = f"arp -d {target} & ping -n 15 {target}"
    text = (
        f":speech_balloon: *{code(vm)} {escape(silent)}.* A warm ARP cache"
        " sends nothing, so this is no evidence yet. Make the guest ask:\n"
        f"Linux, as root:\n```{entities(linux)}```\nor, without arping:\n```{entities(without)}```\n"
        f"Windows, in a command prompt (not PowerShell) as administrator:\n```{entities(windows)}```"
    )
    plain = f"{vm} {silent}. Linux: {linux} or {without}. Windows: {windows}."
    return Message(
        escape(plain),
        (section(text), actions([button("I started it", STARTED, job.id, style="primary")])),
    )


def files_message(check_id: str, why: str, *, may_be_there: bool) -> Message:
    """Files that are missing, or may be; they are kept, and a press sends them."""
    then = "If you do not see them in this thread" if may_be_there else "Once that is mended"
    text = f":warning: {escape(why)}. {then}, press the button: they are kept."
    return Message(
        f"{escape(why)}. They are kept: {then.lower()}, press “Send the files”.",
        (section(text), actions([button("Send the files", SEND_FILES, check_id)])),
    )
