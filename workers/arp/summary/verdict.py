"""A Judgement turned into the thread's answer: verdict, facts, where frames were seen, next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workers.arp.model import SECOND, Job, Judgement, Owner, Uplink
from workers.arp.summary.blocks import (
    AGAIN,
    FIELD,
    HANDOFF,
    OPTIONS,
    TEXT,
    Block,
    Message,
    actions,
    bullets,
    button,
    code,
    context,
    escape,
    mrkdwn,
    section,
    shortened,
)
from workers.arp.summary.owners import emoji, owner_words
from workers.arp.summary.table import table_of


def verdict_message(
    judgement: Judgement, job: Job, *, network_channel: str = "", notes: Sequence[str] = ()
) -> Message:
    """The whole answer: verdict, facts, where frames were seen, next step, buttons, small print.

    ``notes`` are sentences of the check itself, such as why it stopped early or what could not be
    cleaned up.
    """
    verdict = judgement.verdict
    table = table_of(judgement)
    blocks = [
        section(f"{emoji(verdict)} *{escape(verdict.headline)}*\n{bullets(verdict.reasons)}"),
        *_far_end(judgement),
        {"type": "section", "fields": [mrkdwn(text, FIELD) for text in _fields(judgement)]},
        *([table] if table else []),
        section(_next_words(judgement)),
        actions(_verdict_buttons(judgement, job, network_channel)),
        context(_small_print(judgement, job, notes)),
    ]
    return Message(_verdict_text(judgement, notes), tuple(blocks))


def _far_end(judgement: Judgement) -> list[Block]:
    """How far the requests got, where the verdict's reasons do not say it already."""
    words = far_words(judgement)
    return [section(f"*Far end:* {escape(shortened(words, 900))}")] if words else []


def far_words(judgement: Judgement) -> str:
    """The far end's sentence, empty where there is none or the verdict's first reason is the same."""
    far = judgement.far
    return "" if far is None or far.sentence in judgement.verdict.reasons else far.sentence


def _fields(judgement: Judgement) -> Iterable[str]:
    case = judgement.case
    nic = next((nic for nic in case.vm.nics if nic.point == judgement.nic), None)
    mac = f" {code(nic.mac)}" if nic else ""
    yield f"*VM*\n{code(case.vm.name)}{mac}"
    if judgement.target:
        gateway = " (gateway)" if nic and nic.gateway == judgement.target else ""
        vm = f" {code(case.far_end.vm.name)}" if case.far_end else ""
        yield f"*Asked for*\n{code(judgement.target)}{vm}{gateway}"
    yield f"*ESXi host*\n{code(case.host.name)}{_version(case.host.version)}"
    if case.far_end:
        there = case.far_end.host
        yield f"*Far ESXi host*\n{code(there.name)}{_version(there.version)}"
    if nic and nic.portgroup:
        vlan = "" if nic.vlan.id is None else f" · VLAN {nic.vlan.id}"
        yield f"*Port group*\n{code(nic.portgroup)}{vlan}"
    window = _window(judgement)
    if window:
        yield f"*Window*\n{window}"
    yield f"*Confidence*\n{judgement.verdict.confidence}"


def _version(version: str | None) -> str:
    return f" · ESXi {escape(version)}" if version else ""


def _window(judgement: Judgement) -> str:
    ready = [capture.ready_at for capture in judgement.case.captures if capture.ready_at]
    stopped = [capture.stopped_at for capture in judgement.case.captures if capture.stopped_at]
    if not ready or not stopped:
        return ""
    start, end = min(ready), max(stopped)
    day = start // SECOND
    plain = f"{_clock(start)} UTC"
    return f"<!date^{day}^{{date_short_pretty}} {{time_secs}}|{plain}> · {(end - start) / SECOND:.0f} s"


def _clock(at: int) -> str:
    seconds = at // SECOND % 86400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _next_words(judgement: Judgement) -> str:
    verdict = judgement.verdict
    owner = f":arrow_right: *Next move: {owner_words(verdict.owner)}.*"
    lines = [f"{owner} {escape(shortened(verdict.next_step, 900))}"]
    port = switch_port(judgement)
    if port:
        lines.append(f"Switch port: {port}")
    if verdict.not_proven:
        lines.append("*Not proven:*\n" + bullets(verdict.not_proven, 4))
    return "\n".join(lines)


def switch_port(judgement: Judgement) -> str:
    """The physical switch ports behind the uplinks the requests left on, in the switches' own words."""
    used = {device for exchange in judgement.exchanges for device in exchange.left_on}
    subject = (judgement.verdict.subject or "").partition("/")[0]
    named = [u for u in judgement.case.host.uplinks if u.device in used or u.device == subject]
    return ", ".join([*(_port(uplink) for uplink in named), *_far_ports(judgement)])


def _far_ports(judgement: Judgement) -> Iterable[str]:
    """The far host's switch ports: the uplink its VM uses, all of them where that is not known."""
    far = judgement.case.far_end
    if far is None or judgement.far is None or not judgement.far.points:
        return
    nic = next((nic for nic in far.vm.nics if nic.point == judgement.far.nic), None)
    used = nic.pinned_uplink if nic else None
    for uplink in far.host.uplinks:
        if used in {None, uplink.device}:
            yield f"{_port(uplink)} on {code(far.host.name)}"


def _port(uplink: Uplink) -> str:
    if uplink.neighbour is None:
        return f"{code(uplink.device)} (no LLDP or CDP neighbour known)"
    neighbour = uplink.neighbour
    words = f"{neighbour.switch} {neighbour.port}"
    return f"{code(uplink.device)} ↔ {code(words)} ({escape(neighbour.protocol.upper())})"


def _verdict_buttons(judgement: Judgement, job: Job, network_channel: str) -> list[Block]:
    buttons = [button("Run again", AGAIN, job.id), button("Run with options…", OPTIONS, job.id)]
    if network_channel and judgement.exchanges:
        # The press opens a dialog that confirms, and asks twice where the owner is somebody else.
        if judgement.verdict.owner is Owner.NETWORK:
            handoff = button("Hand off to network team", HANDOFF, job.id, style="primary")
        else:
            label = f"Hand off to network team (verdict: {judgement.verdict.owner})"
            handoff = button(label, HANDOFF, job.id)
        buttons.insert(0, handoff)
    return buttons


def _small_print(judgement: Judgement, job: Job, notes: Sequence[str]) -> str:
    uplinks = len({u.device for u in judgement.case.host.uplinks})
    words = [
        f"Job {code(job.id)}",
        f"asked by <@{escape(job.asked_by)}>" if job.asked_by else "",
        f"code {code(judgement.verdict.code)}",
        f"ARP only, both directions, {uplinks} uplink{'' if uplinks == 1 else 's'}",
        *(escape(finding.text) for finding in judgement.side_findings[:4]),
        *(f"refused {refusal.code}: {escape(refusal.why)}" for refusal in judgement.refusals[:3]),
        *(
            f"also {escape(nic)} → {escape(target or '?')}: {escape(other.headline)}"
            for nic, target, other in judgement.further[:4]
        ),
        *map(escape, notes),
    ]
    return " · ".join(filter(None, words))


def _verdict_text(judgement: Judgement, notes: Sequence[str]) -> str:
    """The whole verdict as plain text, as exports and screen readers get it."""
    verdict = judgement.verdict
    lines = [
        f"ARP check of {judgement.case.vm.name}: {verdict.headline}",
        *(f"- {reason}" for reason in verdict.reasons),
        *filter(None, [far_words(judgement)]),
        *(
            f"{point.point}: {point.vm_requests} requests, {point.vm_replies} replies"
            f"{f' (blind: {point.why_blind})' if point.why_blind else ''}"
            for point in judgement.points
        ),
        *(
            f"far:{point.point}: {point.vm_requests} requests, {point.vm_replies} replies"
            for point in (judgement.far.points if judgement.far else ())
        ),
        f"Next move: {owner_words(verdict.owner)}. {verdict.next_step}",
        *(f"Not proven: {line}" for line in verdict.not_proven),
        *notes,
    ]
    return shortened(escape("\n".join(lines)), TEXT)
